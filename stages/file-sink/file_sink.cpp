// file-sink: which message goes to which file, and what a person sees of it.
#include "stages/file-sink/file_sink.h"

#include <unistd.h>

#include <filesystem>

#include "runtime/text/json.h"
#include "stages/file-sink/profile_json.h"

namespace gala::file_sink {
namespace {

JsonLines::Options options_for(const FileSink::Config& config, const StageContext& context,
                               std::string_view file) {
  const std::string& directory =
      config.directory.empty() ? context.state_directory : config.directory;
  return {directory + "/" + std::string(file),
          {static_cast<std::uint64_t>(config.max_size_mib) << 20, config.keep}};
}

bool disk_is_full(const std::string& directory) {
  std::error_code failed;
  const auto space = std::filesystem::space(directory, failed);
  return !failed && space.available == 0;
}

void report_file(const JsonLines& file, const std::string& name, SelfReport& report) {
  report.gauges.push_back({name + "_written", static_cast<double>(file.written()),
                           "Lines written to " + name + ".jsonl since the start."});
  report.gauges.push_back({name + "_lost", static_cast<double>(file.lost()),
                           "Lines of " + name + ".jsonl that were lost to a full disk."});
  report.gauges.push_back({name + "_waiting", static_cast<double>(file.waiting()),
                           "Lines of " + name + ".jsonl that wait for the disk."});
  if (!file.complaint().empty()) {
    report.complaints.push_back(file.complaint());
  }
}

}  // namespace

StageDescription FileSink::describe() {
  return {"file-sink",
          "Writes events, incidents, diagnoses, call stacks and observations as rotated JSON lines "
          "and tells them to people.",
          {wire::MessageType::event, wire::MessageType::diagnosis, wire::MessageType::observations,
           wire::MessageType::incident, wire::MessageType::stack_profile},
          {},
          ""};
}

void FileSink::check(const Config& config, const StageContext&, const Value& section,
                     Diagnostics& diagnostics) {
  if (config.language != "en" && config.language != "zh") {
    const Value* value = section.find("language");
    diagnostics.error(value == nullptr ? section.place() : value->place(),
                      "unknown language \"" + config.language + "\"; there are \"en\" and \"zh\"");
  }
}

FileSink::FileSink(const Config& config, const StageContext& context)
    : config_(config),
      language_(config.language == "zh" ? Language::chinese : Language::english),
      events_(options_for(config, context, "events.jsonl")),
      incidents_(options_for(config, context, "incidents.jsonl")),
      diagnoses_(options_for(config, context, "diagnoses.jsonl")),
      observations_(options_for(config, context, "observations.jsonl")),
      profiles_(options_for(config, context, "profiles.jsonl")),
      terminal_(STDOUT_FILENO) {
  if (config_.directory.empty()) {
    config_.directory = context.state_directory;
  }
}

Result<> FileSink::start(Instant now) {
  last_sync_ = now.boot;
  std::error_code failed;
  std::filesystem::create_directories(config_.directory, failed);
  for (JsonLines* file : {&events_, &incidents_, &diagnoses_}) {
    if (Result<> opened = file->open(); !opened && !disk_is_full(config_.directory)) {
      return opened;
    }
  }
  return {};
}

void FileSink::on(const wire::Event& event, const Envelope&, Outbox&) {
  std::string json = event_json(event);
  if (config_.terminal && !tells_incidents_ && event.state() != wire::EventState::updated) {
    if (const auto line = narrate_event(json, language_)) {
      terminal_.say(*line + "\n");
    }
  }
  events_.add(std::move(json));
  events_.flush();
}

void FileSink::on(const wire::Incident& incident, const Envelope&, Outbox&) {
  tells_incidents_ = true;
  std::string json = incident_json(incident);
  if (config_.terminal && incident.state() != wire::IncidentState::updated) {
    if (const auto line = narrate_incident(json, language_)) {
      terminal_.say(*line + "\n");
    }
  }
  incidents_.add(std::move(json));
  incidents_.flush();
}

void FileSink::on(const wire::Diagnosis& diagnosis, const Envelope&, Outbox&) {
  std::string json = diagnosis_json(diagnosis);
  if (config_.terminal) {
    if (const auto block = narrate_diagnosis(json, language_)) {
      terminal_.say(*block);
    }
  }
  diagnoses_.add(std::move(json));
  diagnoses_.flush();
}

void FileSink::on(const wire::StackProfile& profile, const Envelope&, Outbox&) {
  profiles_.add(profile_json(profile));
  profiles_.flush();
}

void FileSink::on(const wire::Observations& observations, const Envelope&, Outbox&) {
  if (!config_.observations) {
    return;
  }
  for (KeyedJson& row : observation_json(observations)) {
    observations_.add(std::move(row.json));
  }
  observations_.flush();
}

void FileSink::tick(Instant now, Outbox&) {
  const bool sync_is_due =
      config_.sync_interval > Duration{0} && now.boot - last_sync_ >= config_.sync_interval;
  for (JsonLines* file : {&events_, &incidents_, &diagnoses_, &observations_, &profiles_}) {
    file->flush();
    if (sync_is_due) {
      file->sync();
    }
  }
  if (sync_is_due) {
    last_sync_ = now.boot;
  }
}

void FileSink::drain(Instant, Outbox&) {
  for (JsonLines* file : {&events_, &incidents_, &diagnoses_, &observations_, &profiles_}) {
    file->flush();
  }
}

void FileSink::report(SelfReport& report) const {
  report_file(events_, "events", report);
  report_file(incidents_, "incidents", report);
  report_file(diagnoses_, "diagnoses", report);
  if (profiles_.written() + profiles_.lost() + profiles_.waiting() > 0) {
    report_file(profiles_, "profiles", report);
  }
  if (config_.observations) {
    report_file(observations_, "observations", report);
  }
  report.gauges.push_back({"terminal_skipped", static_cast<double>(terminal_.skipped()),
                           "Lines for people that nobody took from standard output."});
}

}  // namespace gala::file_sink
