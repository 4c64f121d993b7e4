// The contract of a stage. Read this first: everything that runs in a pipeline is one of these.
//
//   class Threshold {
//    public:
//     static StageDescription describe();
//     struct Config { …; static constexpr auto fields(); };
//     Threshold(const Config& config, const StageContext& context);
//     void on(const wire::Observations& message, const Envelope& envelope, Outbox& out);
//     void tick(Instant now, Outbox& out);
//   };
//   // stages/threshold/main.cpp, the whole of it:
//   int main(int argc, char** argv) { return stage_main<threshold::Threshold>(argc, argv); }
//
// A stage is pure: it opens no socket, reads no clock, starts no thread. What it wants sent it puts
// into the Outbox, which the runtime empties after each call. All calls come from one thread.
//
// Required
//   static StageDescription describe()
//       Name, ports and message types.
//   struct Config with static constexpr auto fields()
//       The parameters, each declared once (runtime/core/config.h).
//   T(const Config&, const StageContext&)
//       Made after every check has passed. The context outlives the stage.
//
// Optional: the runtime finds these members by their name and calls those that exist.
//
//  Input, one of the two
//   void on(const wire::<Table>&, const Envelope&, Outbox&)
//       One overload for each message type of describe().inputs. The message has been verified and
//       is valid during the call only.
//   void on_frame(const Frame&, Outbox&)
//       Takes every message undecoded instead (record-sink).
//
//  Before the first message
//   static void check(const Config&, const StageContext&, const Value& section, Diagnostics&)
//       Checks the section beyond types and ranges. Runs in `gala check` and at each start; an
//       error ends the process with exit code 2. Must not touch what it checks.
//   static RecordSchemas records(const std::string& share_directory)
//       The tables and columns of a source and what they teach, for `gala check` and for
//       StageContext::teaches of other stages. May read installed files, never the kernel.
//   Result<> start(Instant now)
//       Opens what a source or a sink needs. An error ends the process with exit code 1.
//   Result<> load(std::span<const std::uint8_t> memory)
//       Takes what `save` returned in an earlier run. An error is logged, and the stage starts
//       without memory.
//
//  While it runs
//   void tick(Instant now, Outbox&)
//       Called once a period of the pipeline.
//   std::vector<int> descriptors()
//       Files the loop waits for on behalf of the stage.
//   void on_readable(Instant now, Outbox&)
//       At least one of `descriptors` is readable. Must not block.
//   void report(SelfReport&) const
//       Gauges and complaints, read once a second.
//   std::vector<std::uint8_t> save() const
//       What the stage has learned. The live loop keeps it over restarts
//       (runtime/core/stage_memory.h).
//
//  At the end
//   bool finished()
//       True when a source has nothing more to give (replay-source). The loop then drains and the
//       process exits with 0.
//   void drain(Instant now, Outbox&)
//       Called once, after the last message and before the exit; has one second.
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

#include "runtime/core/config.h"
#include "runtime/core/messages.h"
#include "runtime/core/outbox.h"
#include "runtime/core/record_schema.h"
#include "runtime/core/result.h"
#include "runtime/core/time.h"
#include "runtime/core/wire.h"

namespace gala {

class Model;

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
  /// The meaning of what is measured (runtime/model/model.h).
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
  /// What columns of the installed sources teach, by record table (runtime/core/record_schema.h).
  TeachingsOfTables teaches = {};
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
  std::function<RecordSchemas(const std::string& share_directory)> records;
  /// Reads and checks the section; findings go to the diagnostics.
  std::function<void(const Value& section, const StageContext&, Diagnostics&)> check;
  /// Requires: `check` found no error.
  std::function<std::unique_ptr<AnyStage>(const Value& section, const StageContext&)> make;
};

/// Keys of a stage's section that the runtime reads itself.
std::span<const std::string_view> reserved_keys();

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
    visit_message(frame.envelope.type, [&](auto entry) {
      using Table = typename decltype(entry)::Table;
      if constexpr (requires(const Table& table) { stage_.on(table, frame.envelope, out); }) {
        stage_.on(*flatbuffers::GetRoot<Table>(frame.payload.data()), frame.envelope, out);
      }
    });
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
  std::function<RecordSchemas(const std::string& share_directory)> records;
  if constexpr (requires(const std::string& share_directory) { Stage::records(share_directory); }) {
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

}  // namespace gala
