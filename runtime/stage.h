// The shape of a stage: a pure class with a description, a Config, on(message) and tick(now).
//
//   class Threshold {
//    public:
//     static StageDescription describe();
//     struct Config { …; static constexpr auto fields(); };
//     Threshold(const Config& config, const StageContext& context);
//     void on(const wire::Observations& message, const Envelope& envelope, Outbox& out);
//     void tick(Instant now, Outbox& out);          // optional; at the pipeline's period
//   };
//   int main(int argc, char** argv) { return gala::stage_main<gala::Threshold>(argc, argv); }
//
// Optional members, found by name:
//   static void check(const Config&, const StageContext&, const Value& section, Diagnostics&)
//       more checks of the section (a probe that does not exist, …); runs in `gala check` and
//       before start
//   static RecordSchemas records(const StageContext&)
//       a source's tables and columns, for `gala check`; may read installed files, not the kernel
//   Result<> start(Instant now)           opens what a source or sink needs; an error exits 2
//   std::vector<int> descriptors()        waited for; when one is readable → on_readable(now, out)
//   void on_readable(Instant now, Outbox&)
//   void on_frame(const Frame&, Outbox&)  instead of on(): every message type, undecoded
//   (record-sink) void drain(Instant now, Outbox& out)  once, after the last message, before exit
//   (≤ 1 s) bool finished()                       a source that has come to its end
//   (replay-source): drain and exit 0 void report(SelfReport&) const        own gauges and
//   complaints, once a second
//   std::vector<std::uint8_t> save() const, Result<> load(std::span<const std::uint8_t>)   what it
//   has learned, kept by the live loop over restarts (runtime/stage_memory.h); load comes before
//   any message
//
// A stage is single-threaded: every call comes from one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/config.h"
#include "runtime/model.h"
#include "runtime/outbox.h"
#include "runtime/result.h"
#include "runtime/time.h"
#include "runtime/wire.h"
#include "schemas/wire/diagnosis_generated.h"
#include "schemas/wire/event_generated.h"
#include "schemas/wire/incident_generated.h"
#include "schemas/wire/observations_generated.h"
#include "schemas/wire/records_generated.h"
#include "schemas/wire/stack_profile_generated.h"
#include "schemas/wire/stage_status_generated.h"
#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {

/// A named output and the message types that leave it.
struct PortDescription {
  std::string name;
  std::vector<wire::MessageType> types;
  std::string about;
};

/// What a stage is, for `gala check`, `--describe` and the reference pages.
struct StageDescription {
  /// The folder's name; the program is gala-<name>.
  std::string name;
  /// One sentence.
  std::string about;
  /// Types it accepts; empty for a source.
  std::vector<wire::MessageType> inputs;
  /// The first port is the default of `from = ["stage"]`.
  std::vector<PortDescription> outputs;
  /// What it needs to run ("root or CAP_BPF and CAP_PERFMON", …), "" = nothing.
  std::string needs;
};

/// Everything around a stage that is not its own configuration. Lives as long as the stage.
struct StageContext {
  const Model& model;
  /// Stable for this machine: what ids begin with.
  std::string machine_id;
  std::string pipeline;
  /// The stage's name in the pipeline file.
  std::string stage;
  Duration period{0};
  /// Existing directory of this pipeline for files, and the installed data (bpf objects, model).
  std::string state_directory;
  std::string share_directory;
};

/// A stage's own figures and complaints.
struct SelfReport {
  struct Gauge {
    std::string name;
    double value = 0;
    std::string help;
  };
  std::vector<Gauge> gauges;
  /// One sentence each: what is wrong, what is lost by it, what to do. Any complaint = degraded.
  std::vector<std::string> complaints;
};

namespace detail {

/// A stage with its types erased: what the loop drives.
class AnyStage {
 public:
  AnyStage() = default;
  AnyStage(const AnyStage&) = delete;
  AnyStage& operator=(const AnyStage&) = delete;
  virtual ~AnyStage() = default;
  virtual Result<> start(Instant now) = 0;
  virtual void handle(const Frame& frame, Outbox& out) = 0;
  virtual void tick(Instant now, Outbox& out) = 0;
  virtual std::vector<int> descriptors() = 0;
  virtual void on_readable(Instant now, Outbox& out) = 0;
  virtual void drain(Instant now, Outbox& out) = 0;
  virtual bool finished() = 0;
  virtual void report(SelfReport& report) const = 0;
  /// Whether there is anything to keep over a restart.
  [[nodiscard]] virtual bool remembers() const = 0;
  [[nodiscard]] virtual std::vector<std::uint8_t> save() const = 0;
  virtual Result<> load(std::span<const std::uint8_t> bytes) = 0;
};

/// How the loop makes and checks a stage it knows nothing of.
struct StageType {
  StageDescription description;
  std::vector<FieldDescription> fields;
  /// A source's tables and columns; empty for the others.
  std::function<RecordSchemas(const StageContext&)> records;
  /// Reads and checks the section; findings go to the diagnostics.
  std::function<void(const Value& section, const StageContext&, Diagnostics&)> check;
  /// Requires: `check` found no error.
  std::function<std::unique_ptr<AnyStage>(const Value& section, const StageContext&)> make;
};

/// Keys of a stage's section that the runtime reads itself.
std::span<const std::string_view> reserved_keys();

int run_stage(int argc, char** argv, const StageType& type);

template <class Message, class Stage>
bool dispatch(Stage& stage, const Frame& frame, Outbox& out) {
  if constexpr (requires(const Message& message) { stage.on(message, frame.envelope, out); }) {
    stage.on(*flatbuffers::GetRoot<Message>(frame.payload.data()), frame.envelope, out);
    return true;
  } else {
    return false;
  }
}

template <class Stage>
class Erased final : public AnyStage {
 public:
  Erased(const typename Stage::Config& config, const StageContext& context)
      : stage_(config, context) {}

  Result<> start(Instant now) override {
    if constexpr (requires { stage_.start(now); }) {
      return stage_.start(now);
    } else {
      static_cast<void>(now);
      return {};
    }
  }
  void handle(const Frame& frame, Outbox& out) override {
    if constexpr (requires { stage_.on_frame(frame, out); }) {
      stage_.on_frame(frame, out);
      return;
    }
    switch (frame.envelope.type) {
      case wire::MessageType::records:
        dispatch<wire::Records>(stage_, frame, out);
        break;
      case wire::MessageType::observations:
        dispatch<wire::Observations>(stage_, frame, out);
        break;
      case wire::MessageType::event:
        dispatch<wire::Event>(stage_, frame, out);
        break;
      case wire::MessageType::topology_snapshot:
        dispatch<wire::TopologySnapshot>(stage_, frame, out);
        break;
      case wire::MessageType::topology_delta:
        dispatch<wire::TopologyDelta>(stage_, frame, out);
        break;
      case wire::MessageType::diagnosis:
        dispatch<wire::Diagnosis>(stage_, frame, out);
        break;
      case wire::MessageType::incident:
        dispatch<wire::Incident>(stage_, frame, out);
        break;
      case wire::MessageType::stack_profile:
        dispatch<wire::StackProfile>(stage_, frame, out);
        break;
      case wire::MessageType::stage_status:
      case wire::MessageType::none:
        break;
    }
  }
  void tick(Instant now, Outbox& out) override {
    if constexpr (requires { stage_.tick(now, out); }) {
      stage_.tick(now, out);
    }
  }
  std::vector<int> descriptors() override {
    if constexpr (requires { stage_.descriptors(); }) {
      return stage_.descriptors();
    } else {
      return {};
    }
  }
  void on_readable(Instant now, Outbox& out) override {
    if constexpr (requires { stage_.on_readable(now, out); }) {
      stage_.on_readable(now, out);
    }
  }
  void drain(Instant now, Outbox& out) override {
    if constexpr (requires { stage_.drain(now, out); }) {
      stage_.drain(now, out);
    }
  }
  bool finished() override {
    if constexpr (requires { stage_.finished(); }) {
      return stage_.finished();
    } else {
      return false;
    }
  }
  void report(SelfReport& report) const override {
    if constexpr (requires { stage_.report(report); }) {
      stage_.report(report);
    }
  }
  [[nodiscard]] bool remembers() const override {
    return requires { stage_.save(); };
  }
  [[nodiscard]] std::vector<std::uint8_t> save() const override {
    if constexpr (requires { stage_.save(); }) {
      return stage_.save();
    } else {
      return {};
    }
  }
  Result<> load(std::span<const std::uint8_t> bytes) override {
    if constexpr (requires { stage_.load(bytes); }) {
      return stage_.load(bytes);
    } else {
      static_cast<void>(bytes);
      return {};
    }
  }

 private:
  Stage stage_;
};

template <class Stage>
StageType type_of() {
  using Config = typename Stage::Config;
  std::function<RecordSchemas(const StageContext&)> records;
  if constexpr (requires(const StageContext& context) { Stage::records(context); }) {
    records = &Stage::records;
  }
  return {Stage::describe(), describe_fields<Config>(), std::move(records),
          [](const Value& section, const StageContext& context, Diagnostics& diagnostics) {
            const Config config = read_config<Config>(section, reserved_keys(), diagnostics);
            if constexpr (requires { Stage::check(config, context, section, diagnostics); }) {
              Stage::check(config, context, section, diagnostics);
            }
          },
          [](const Value& section, const StageContext& context) -> std::unique_ptr<AnyStage> {
            Diagnostics ignored;
            return std::make_unique<Erased<Stage>>(
                read_config<Config>(section, reserved_keys(), ignored), context);
          }};
}

}  // namespace detail

/// What every stage must have; a wrong shape is one readable error.
template <class T>
concept Stage = requires {
  { T::describe() } -> std::same_as<StageDescription>;
  typename T::Config;
  T::Config::fields();
} && std::constructible_from<T, const typename T::Config&, const StageContext&>;

/// The whole main of a stage program.
template <Stage T>
int stage_main(int argc, char** argv) {
  return detail::run_stage(argc, argv, detail::type_of<T>());
}

}  // namespace gala
