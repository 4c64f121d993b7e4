// Looking at the pipeline of the demonstration from outside, as any user could: taps and journals.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cli/demo/private_pipeline.h"
#include "runtime/cli/journal.h"
#include "runtime/cli/subscription.h"
#include "runtime/core/recording.h"
#include "runtime/model/model.h"

namespace gala::demo {

/// One value of a KPI of the watched application.
struct KpiValue {
  std::string entity;
  std::string metric;
  std::string statistic;
  std::string unit;
  double value = 0;
};

/// Called as things happen.
struct WatchHandlers {
  /// All KPIs of one window.
  std::function<void(const std::vector<KpiValue>&)> on_kpis;
  /// A line of events.jsonl or diagnoses.jsonl, and whether it is about the watched application.
  std::function<void(const nlohmann::json&, bool about_application)> on_event;
  std::function<void(const nlohmann::json&, bool about_application)> on_diagnosis;
};

class Watch {
 public:
  /// Watches the application that listens on `port`. `record_directory`: what leaves the sources is
  /// recorded there, one file a port; "" = nothing is.
  static Result<Watch> open(const PrivatePipeline& pipeline, const Pipeline& graph,
                            const Model& model, std::uint16_t port,
                            const std::string& record_directory);

  /// Handles what comes within `limit`.
  void look(Duration limit, const WatchHandlers& handlers);
  /// Messages recorded so far.
  [[nodiscard]] std::uint64_t recorded() const;

 private:
  Watch(Subscription subscription, const Model& model, std::string port,
        std::string state_directory)
      : subscription_(std::move(subscription)),
        model_(&model),
        port_(std::move(port)),
        state_directory_(std::move(state_directory)) {}

  Result<> open_recordings(const PrivatePipeline& pipeline, const Pipeline& graph,
                           const std::string& directory);
  void on_message(const ReceivedMessage& message, const WatchHandlers& handlers);
  void read_journal(const char* file, std::optional<JournalReader>& reader,
                    const std::function<void(const nlohmann::json&, bool)>& handler) const;

  Subscription subscription_;
  const Model* model_;
  std::string port_;
  std::string state_directory_;
  std::optional<JournalReader> events_;
  std::optional<JournalReader> diagnoses_;
  /// By "stage.port".
  std::map<std::string, RecordingWriter> recordings_;
};

}  // namespace gala::demo
