// The real gala-infer on a recording: the same bytes in every run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/core/recording.h"
#include "tests/cases/case_run.h"

namespace gala::cases {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

CaseFile case_named(const std::string& name) {
  const std::string path = GALA_SOURCE_DIR "/tests/cases/" + name;
  Diagnostics diagnostics;
  CaseFile file = read_case({path, bytes_of(path)}, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  return file;
}

void record(const CaseFile& file, const Model& model, const std::string& path) {
  auto writer = RecordingWriter::create(path, {.keep = 0});
  ASSERT_TRUE(writer);
  std::map<wire::MessageType, std::uint64_t> sequences;
  play(file, model,
       [&](wire::MessageType type, std::span<const std::uint8_t> payload, Instant now) {
         const Envelope envelope{type, "case", type_name(type), 1, ++sequences[type], now};
         const wire::Header header = make_header(envelope, payload.size());
         const auto* begin = reinterpret_cast<const std::uint8_t*>(&header);
         const std::string topic = make_topic(type, "");
         writer->append({topic, {begin, sizeof(header)}, payload});
       });
}

/// A pipeline of infer alone: what it hears comes from the recording.
constexpr std::string_view pipeline = R"([pipeline]
name   = "replay"
period = "1s"
[stages.input]
run   = "replay-source"
files = ["in.rec"]
[stages.infer]
run  = "infer"
from = [{ stage = "input", port = "observations" }, { stage = "input", port = "events" },
        { stage = "input", port = "topology" }]
)";

int replay(const std::string& in, const std::string& out) {
  const std::string file = in + ".toml";
  std::ofstream(file) << pipeline;
  const std::string command = GALA_PROGRAM_DIR "/gala-infer --pipeline " + file +
                              " --stage infer --share-dir " GALA_SHARE_DIR
                              " --log-level error --replay " +
                              in + " --output " + out;
  return std::system(command.c_str());  // NOLINT(cert-env33-c): our own words only.
}

TEST(Replay, SaysTheSameBytesInEveryRun) {
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  const Model model = Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics);
  const auto folder = std::filesystem::path(testing::TempDir()) / "gala_infer_replay";
  std::filesystem::create_directories(folder);
  const std::string in = (folder / "in.rec").string();
  for (const std::string name : {"shipped_cpu_hog.toml", "shipped_disk_slow.toml"}) {
    record(case_named(name), model, in);
    const std::string first = (folder / "first.rec").string();
    const std::string second = (folder / "second.rec").string();
    ASSERT_EQ(replay(in, first), 0);
    ASSERT_EQ(replay(in, second), 0);
    const std::string bytes = bytes_of(first);
    EXPECT_NE(bytes.find("GDIA"), std::string::npos) << "no diagnosis was said";
    EXPECT_EQ(bytes, bytes_of(second)) << name;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace gala::cases
