// A single request of a diagnosis in words.
#include "runtime/text/request_sample.h"

#include <fmt/format.h>

#include "runtime/core/wire.h"
#include "runtime/text/quantity.h"

namespace gala {
namespace {

std::string english(const wire::RequestSample& sample, const std::string& time) {
  const std::string_view error = text_of(sample.error());
  if (error.empty() || error == "none") {
    return "took " + time;
  }
  const std::string_view code = text_of(sample.code());
  return fmt::format("{}{}{} after {}", error == "client" ? "was refused" : "failed",
                     code.empty() ? "" : " with ", code, time);
}

std::string chinese(const wire::RequestSample& sample, const std::string& time) {
  const std::string_view error = text_of(sample.error());
  if (error.empty() || error == "none") {
    return "用时 " + time;
  }
  const std::string_view code = text_of(sample.code());
  return fmt::format("{}{}{}，用时 {}", error == "client" ? "被拒绝" : "失败",
                     code.empty() ? "" : "，返回 ", code, time);
}

}  // namespace

std::string sample_sentence(const wire::RequestSample& sample, Language language) {
  const bool in_chinese = language == Language::chinese;
  const std::string time = quantity(static_cast<double>(sample.duration_ns()) / 1e9, "s");
  std::string sentence(text_of(sample.api()));
  if (sentence.empty()) {
    sentence = text_of(sample.protocol());
  }
  sentence += " " + (in_chinese ? chinese(sample, time) : english(sample, time));
  if (const std::string_view peer = text_of(sample.peer()); !peer.empty()) {
    sentence.append(in_chinese ? "，对端 " : ", peer ").append(peer);
  }
  if (const std::string_view trace = text_of(sample.trace_id()); !trace.empty()) {
    sentence += fmt::format(fmt::runtime(in_chinese ? "（trace {}）" : " (trace {})"), trace);
  }
  return sentence;
}

}  // namespace gala
