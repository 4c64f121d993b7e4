// Every *.toml of this folder is a host: files below its root in, step by step, and the checks of
// schemas/model that are open after each step out.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "runtime/core/document.h"
#include "runtime/model/model.h"
#include "stages/entity-assembler/entity_assembler.h"
#include "stages/proc-source/proc_source.h"
#include "stages/proc-source/test_tree.h"
#include "stages/threshold/threshold.h"

namespace gala {
namespace {

constexpr const char* folder = GALA_SOURCE_DIR "/tests/hosts";

std::vector<std::string> host_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".toml") {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Value parse(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Diagnostics diagnostics;
  const auto value = parse_toml({path, text}, diagnostics);
  EXPECT_TRUE(value) << path << " is no TOML";
  return value.value_or(Value());
}

std::vector<std::string> words(const Value* list) {
  std::vector<std::string> all;
  if (list != nullptr && list->array() != nullptr) {
    for (const Value& one : *list->array()) {
      all.push_back(*one.string());
    }
  }
  return all;
}

/// The text of a file whose line "`name`: <number> kB" says `by` kB more.
std::string changed(std::string text, const std::string& name, std::int64_t by) {
  const auto place = text.find(name + ": ");
  if (place == std::string::npos) {
    ADD_FAILURE() << "no line " << name;
    return text;
  }
  const auto number = place + name.size() + 2;
  return text.replace(number, text.find(' ', number) - number,
                      std::to_string(std::stoll(text.substr(number)) + by));
}

/// The three stages that judge a host, fed second by second.
class Host {
 public:
  explicit Host(std::vector<std::string> tables)
      : model_(Model::load(GALA_SOURCE_DIR "/schemas/model", sources_, diagnostics_)),
        source_(source_config(tree_.root(), std::move(tables)), context("system")),
        assembler_({}, context("assemble")),
        threshold_({}, context("limits")) {
    tree_.write("proc/stat", "cpu  100 0 100 1000 0 0 0 0 0 0\nbtime 1700000000\n");
    EXPECT_TRUE(source_.start(now()));
  }

  void write(const std::string& path, const std::string& text) { tree_.write(path, text); }

  void pass(std::int64_t seconds) {
    for (const std::int64_t end = second_ + seconds; second_ < end;) {
      ++second_;
      Outbox records;
      source_.tick(now(), records);
      Outbox observations;
      for (const Outgoing& message : records.items()) {
        assembler_.on(*wire::GetRecords(message.payload.data()), envelope("system"), observations);
      }
      Outbox events;
      for (const Outgoing& message : observations.items()) {
        threshold_.on(*wire::GetObservations(message.payload.data()), envelope("assemble"), events);
      }
      threshold_.tick(now(), events);
      note(events);
    }
  }

  /// "entity.check" of every event that lasts.
  [[nodiscard]] const std::set<std::string>& open() const { return open_; }

 private:
  static proc_source::ProcSource::Config source_config(const std::string& root,
                                                       std::vector<std::string> tables) {
    proc_source::ProcSource::Config config;
    config.root = root;
    config.tables = std::move(tables);
    return config;
  }
  StageContext context(std::string_view stage) const {
    return {model_,
            "m1",
            "test",
            std::string(stage),
            std::chrono::seconds(1),
            "",
            "",
            teachings_of(proc_source::ProcSource::records(""))};
  }
  static Envelope envelope(std::string_view stage) {
    Envelope envelope;
    envelope.stage = stage;
    envelope.epoch_ns = 1;
    return envelope;
  }
  Instant now() const {
    return {BootTime{std::chrono::seconds(second_)}, WallTime{std::chrono::seconds(second_)}};
  }
  void note(const Outbox& events) {
    for (const Outgoing& message : events.items()) {
      const auto* event = wire::GetEvent(message.payload.data());
      const std::string name = event->entity()->str() + "." + event->check()->str();
      if (event->state() == wire::EventState::closed) {
        open_.erase(name);
      } else {
        open_.insert(name);
      }
    }
  }

  proc_source::TestTree tree_;
  std::vector<SourceText> sources_;
  Diagnostics diagnostics_;
  Model model_;
  proc_source::ProcSource source_;
  entity_assembler::EntityAssembler assembler_;
  threshold::Threshold threshold_;
  std::int64_t second_ = 1000;
  std::set<std::string> open_;
};

class Hosts : public testing::TestWithParam<std::string> {
 protected:
  /// `kB_each_second` changes lines of /proc/meminfo while the step lasts.
  static void play(Host& host, const Value& step) {
    const std::int64_t seconds = *step.find("seconds")->integer();
    const Value* changes = step.find("kB_each_second");
    if (changes == nullptr) {
      host.pass(seconds);
      return;
    }
    std::string meminfo = *step.find("files")->find("proc/meminfo")->string();
    for (std::int64_t second = 0; second < seconds; ++second) {
      for (const Member& change : *changes->table()) {
        meminfo = changed(std::move(meminfo), change.key, *change.value.integer());
      }
      host.write("proc/meminfo", meminfo);
      host.pass(1);
    }
  }
};

TEST_P(Hosts, AreJudgedRightly) {
  const Value file = parse(GetParam());
  Host host(words(file.find("tables")));
  const Value* steps = file.find("step");
  ASSERT_TRUE(steps != nullptr && steps->array() != nullptr) << "a host without a [[step]]";
  for (const Value& step : *steps->array()) {
    for (const Member& member : *step.find("files")->table()) {
      host.write(member.key, *member.value.string());
    }
    play(host, step);
    const auto opens = words(step.find("opens"));
    EXPECT_EQ(host.open(), std::set<std::string>(opens.begin(), opens.end()))
        << *step.find("about")->string();
  }
}

std::string name_of(const testing::TestParamInfo<std::string>& info) {
  return std::filesystem::path(info.param).stem().string();
}
INSTANTIATE_TEST_SUITE_P(All, Hosts, testing::ValuesIn(host_files()), name_of);

}  // namespace
}  // namespace gala
