// record-sink: frames to a recording.
#include "stages/record-sink/record_sink.h"

#include <algorithm>
#include <filesystem>

namespace gala::record_sink {
namespace {

std::string path_for(const RecordSink::Config& config, const StageContext& context) {
  const std::string file = config.file.empty() ? context.stage + ".rec" : config.file;
  return file.starts_with('/') ? file : context.state_directory + "/" + file;
}

}  // namespace

StageDescription RecordSink::describe() {
  return {
      "record-sink",
      "Writes messages of any type to a recording (.rec), which replay-source and --replay read.",
      {message_types.begin(), message_types.end()},
      {},
      ""};
}

void RecordSink::check(const Config& config, const StageContext&, const Value& section,
                       Diagnostics& diagnostics) {
  const Value* value = section.find("types");
  std::vector<std::string> known;
  for (const wire::MessageType type : message_types) {
    known.emplace_back(type_name(type));
  }
  for (const std::string& name : config.types) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      diagnostics.error(value == nullptr ? section.place() : value->place(),
                        "unknown message type \"" + name + "\"" + did_you_mean(name, known));
    }
  }
}

RecordSink::RecordSink(const Config& config, const StageContext& context)
    : path_(path_for(config, context)),
      rotation_{static_cast<std::uint64_t>(config.max_size_mib) << 20, config.keep} {
  for (const std::string& name : config.types) {
    types_.push_back(type_from_name(name));
  }
}

Result<> RecordSink::start(Instant) {
  // Offline, nobody has made the state directory. What cannot be made, opening the file reports.
  std::error_code reported_below;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), reported_below);
  writer_ = TRY(RecordingWriter::create(path_, rotation_));
  return {};
}

bool RecordSink::wants(wire::MessageType type) const {
  return types_.empty() || std::find(types_.begin(), types_.end(), type) != types_.end();
}

void RecordSink::on_frame(const Frame& frame, Outbox&) {
  if (!wants(frame.envelope.type)) {
    return;
  }
  if (!writer_) {
    ++lost_without_file_;
    return;
  }
  writer_->append({frame.topic, frame.header, frame.payload});
}

void RecordSink::tick(Instant, Outbox&) {
  if (writer_) {
    writer_->flush();
  }
}

void RecordSink::drain(Instant now, Outbox& out) { tick(now, out); }

void RecordSink::report(SelfReport& report) const {
  const double written = writer_ ? static_cast<double>(writer_->written()) : 0;
  const std::uint64_t lost = lost_without_file_ + (writer_ ? writer_->lost() : 0);
  report.gauges.push_back({"recorded", written, "Messages on the recording since the start."});
  report.gauges.push_back(
      {"record_lost", static_cast<double>(lost), "Messages that could not be written."});
  if (writer_ && !writer_->complaint().empty()) {
    report.complaints.push_back(writer_->complaint() +
                                "; messages are missing from the recording until there is room");
  }
}

}  // namespace gala::record_sink
