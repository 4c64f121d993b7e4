// The order of things in a demonstration, and what is printed while they happen.
#include "runtime/cli/demo/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "runtime/cli/arguments.h"
#include "runtime/cli/demo/fault.h"
#include "runtime/cli/demo/narrator.h"
#include "runtime/cli/demo/private_pipeline.h"
#include "runtime/cli/demo/watch.h"
#include "runtime/cli/workspace.h"
#include "runtime/core/machine.h"

namespace gala::demo {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto shown_after_diagnosis = 12s;
constexpr auto recovery_limit = 60s;
constexpr auto kpi_limit = 40s;
/// Beyond what the baselines ask for: windows are closed a little later than they end.
constexpr auto settle_margin = 5s;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// A directory that goes with its owner.
class WorkDirectory {
 public:
  static Result<WorkDirectory> make(bool keep) {
    std::string path = (fs::temp_directory_path() / "gala-demo-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      return fail(path + ": cannot be made; is the temporary directory writable?");
    }
    return WorkDirectory(path, keep);
  }
  WorkDirectory(WorkDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})), keep_(other.keep_) {}
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;
  ~WorkDirectory() {
    if (!path_.empty() && !keep_) {
      std::error_code failed;
      fs::remove_all(path_, failed);
    }
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  WorkDirectory(std::string path, bool keep) : path_(std::move(path)), keep_(keep) {}
  std::string path_;
  bool keep_;
};

/// How long the model's baselines of KPIs look before they judge.
Duration needed_settling(const Model& model) {
  Duration longest = 20s;
  for (const Entity& entity : model.entities()) {
    for (const Check& check : entity.checks) {
      const Metric* metric = entity.find_metric(check.metric);
      if (metric != nullptr && metric->kpi && check.kind == Check::Kind::deviation) {
        longest = std::max(longest, check.warmup);
      }
    }
  }
  return longest + settle_margin;
}

class Session {
 public:
  Session(const CommandContext& context, const SessionOptions& options, Interrupt& interrupt)
      : context_(context), options_(options), interrupt_(interrupt) {}

  Result<Outcome> run() {
    outcome_.fault = options_.fault;
    TRY(set_up());
    TRY(settle());
    TRY(observe_fault());
    TRY(observe_recovery());
    if (options_.keep) {
      say("logs and journals are kept in " + directory_->path());
    }
    return outcome_;
  }

 private:
  void say(const std::string& text) {
    fmt::print("{}\n", text);
    std::fflush(stdout);
  }

  Result<> set_up() {
    const std::string file = fs::absolute(pipeline_file(context_, options_.pipeline)).string();
    Workspace workspace = load_workspace(context_, std::vector<std::string>{file}, true);
    if (workspace.diagnostics.has_errors() || workspace.pipelines.empty()) {
      return fail(workspace.diagnostics.render(workspace.sources));
    }
    table_ = TRY(TruthTable::load(context_.share_directory + "/truth"));
    truth_ = table_.find_demo(options_.fault);
    if (truth_ == nullptr) {
      return fail("schemas/truth does not say which answer to fault " + quote(options_.fault) +
                  " is right; give one kind demo = " + quote(options_.fault));
    }
    graph_ = std::move(workspace.pipelines.front());
    model_ = std::move(workspace.model);
    directory_.emplace(TRY(WorkDirectory::make(options_.keep)));
    fault_ = make_fault(options_.fault);

    SceneOptions scene;
    scene.directory = directory_->path();
    scene.port = TRY(free_port());
    scene.load.port = scene.port;
    TRY(fault_->prepare(scene));
    scene_.emplace(TRY(Scene::start(scene)));
    TRY(scene_->start_load());
    say(fmt::format("Redis (pid {}) listens on port {}; {} clients ask {:.0f} requests a second",
                    scene_->redis_pid(), scene.port, scene.load.connections,
                    scene.load.rate_per_s));
    pipeline_.emplace(
        TRY(PrivatePipeline::start(context_, *graph_, file, directory_->path(), interrupt_)));
    say(fmt::format("pipeline {} is up: {} stages", graph_->name, graph_->stages.size()));
    if (!options_.record_directory.empty()) {
      std::error_code failed;
      fs::create_directories(options_.record_directory, failed);
    }
    watch_.emplace(
        TRY(Watch::open(*pipeline_, *graph_, model_, scene.port, options_.record_directory)));
    narrator_.emplace();
    return {};
  }

  /// Looks until `done` or the limit; false = the limit was reached.
  Result<bool> look_until(const std::function<bool()>& done, Duration limit) {
    const WatchHandlers handlers{
        [this](const auto& kpis) { on_kpis(kpis); },
        [this](const nlohmann::json& line, bool own) { on_event(line, own); },
        [this](const nlohmann::json& line, bool own) { on_diagnosis(line, own); }};
    const BootTime deadline = now() + limit;
    while (!done()) {
      if (now() >= deadline) {
        return false;
      }
      watch_->look(100ms, handlers);
      if (interrupt_.requested()) {
        return fail("interrupted");
      }
      if (!scene_->alive()) {
        return fail("Redis or its clients have ended; see " + directory_->path() +
                    " (keep it with --keep)");
      }
      if (const std::string ended = pipeline_->ended_stage(); !ended.empty()) {
        return fail("stage \"" + ended + "\" has ended; see its log (keep it with --keep)");
      }
    }
    return true;
  }

  static BootTime now() { return current_instant().boot; }

  Result<> settle() {
    if (!TRY(look_until([this] { return kpi_seen_; }, kpi_limit))) {
      return fail("no KPI of Redis was seen; does this host permit BPF? (gala doctor)");
    }
    const Duration time = options_.settle > Duration{0} ? options_.settle : needed_settling(model_);
    say(fmt::format("\nletting it settle for {:.0f} s", seconds(time)));
    TRY(look_until([] { return false; }, time));
    return {};
  }

  Result<> observe_fault() {
    const Instant injected = current_instant();
    injected_ = injected;
    TRY(fault_->inject(*scene_));
    harmed_ = fault_->injected();
    harmed_["machine"] = {machine_id()};
    TRY(truth_->check(harmed_));
    score_.emplace(*truth_, harmed_);
    say(fmt::format("\nFAULT ({}): {}", options_.fault, fault_->what()));
    const auto diagnosed_long_ago = [this] {
      return score_->first_version() &&
             since_injection() - score_->first_version()->after > shown_after_diagnosis;
    };
    TRY(look_until(diagnosed_long_ago, options_.duration));
    if (!options_.record_directory.empty()) {
      write_scene_file();
    }
    return {};
  }

  Result<> observe_recovery() {
    fault_->remove();
    const BootTime removed = now();
    score_->end(removed - injected_->boot);
    say("\nthe fault is removed");
    const bool recovered = TRY(look_until([this] { return open_events_.empty(); }, recovery_limit));
    if (!outcome_.seconds_to_event) {
      say("\nno event told of the fault, so there is nothing to recover from");
    } else if (recovered) {
      outcome_.seconds_to_recovery = seconds(now() - removed);
      say(fmt::format("\nback to normal after {:.0f} s", *outcome_.seconds_to_recovery));
    } else {
      say("\nevents are still open a minute after the fault was removed");
    }
    return {};
  }

  void on_kpis(const std::vector<KpiValue>& kpis) {
    kpi_seen_ = kpi_seen_ || std::any_of(kpis.begin(), kpis.end(), [](const KpiValue& kpi) {
                  return std::isfinite(kpi.value);
                });
    if (const auto line = narrator_->kpi_line(kpis, scene_->figures(), current_instant())) {
      say(*line);
    }
  }

  void on_event(const nlohmann::json& line, bool own) {
    if (const auto text = Narrator::event_line(line)) {
      say(*text);
    }
    const nlohmann::json attributes = line.value("Attributes", nlohmann::json::object());
    const std::string state = attributes.value("state", "");
    const bool is_new = score_ && score_->counts(since_injection()) &&
                        began_after_injection(attributes.value("started", 0.0));
    if (is_new) {
      score_->on_event(line, since_injection());
      outcome_.event_only = score_->event_only();
    }
    if (!own || !injected_ || attributes.value("event_type", "") != "app") {
      return;
    }
    const std::string id = line.value("event_id", "");
    if (state == "closed") {
      open_events_.erase(std::remove(open_events_.begin(), open_events_.end(), id),
                         open_events_.end());
    } else if (std::find(open_events_.begin(), open_events_.end(), id) == open_events_.end()) {
      open_events_.push_back(id);
    }
    if (!outcome_.seconds_to_event && is_new) {
      outcome_.seconds_to_event = seconds(since_injection());
    }
  }

  void on_diagnosis(const nlohmann::json& line, bool own) {
    say("\n" + Narrator::diagnosis_block(line));
    const nlohmann::json attributes = line.value("Attributes", nlohmann::json::object());
    if (!own || !score_ || !began_after_injection(attributes.value("bent", 0.0))) {
      return;
    }
    if (!score_->on_diagnosis(line, since_injection())) {
      return;
    }
    outcome_.first_version = score_->first_version();
    outcome_.last_version = score_->last_version();
    outcome_.event_only = false;
    const nlohmann::json resource = line.value("Resource", nlohmann::json::object());
    const nlohmann::json kpi = resource.value("abnormal_kpi", nlohmann::json::object());
    outcome_.kpi = short_metric(kpi.value("metric_id", ""));
    const nlohmann::json causes = resource.value("cause_metrics", nlohmann::json::array());
    outcome_.diagnosis =
        causes.empty() ? resource.value("desc", "") : causes.front().value("desc", "");
  }

  /// A window that was under way at the injection counts.
  bool began_after_injection(double unix_ms) const {
    const double period_ms = seconds(graph_->period) * 1000;
    return unix_ms >= static_cast<double>(injected_->wall.ms()) - period_ms;
  }

  [[nodiscard]] Duration since_injection() const { return now() - injected_->boot; }

  void write_scene_file() const {
    const nlohmann::json scene{{"fault", options_.fault},
                               {"what", fault_->what()},
                               {"injected", harmed_},
                               {"port", scene_->options().port},
                               {"redis_pid", scene_->redis_pid()},
                               {"injected_boot_ns", injected_->boot.ns()},
                               {"messages", watch_->recorded()}};
    std::ofstream(options_.record_directory + "/scene.json") << scene.dump(2) << "\n";
  }

  const CommandContext& context_;
  const SessionOptions& options_;
  Interrupt& interrupt_;
  Outcome outcome_;
  TruthTable table_;
  const Truth* truth_ = nullptr;
  std::optional<Pipeline> graph_;
  Model model_;
  // Taken down from the last to the first: nothing is used by what goes after it.
  std::optional<WorkDirectory> directory_;
  std::unique_ptr<Fault> fault_;
  std::optional<Scene> scene_;
  std::optional<PrivatePipeline> pipeline_;
  std::optional<Watch> watch_;
  std::optional<Narrator> narrator_;
  bool kpi_seen_ = false;
  std::optional<Instant> injected_;
  Injected harmed_;
  std::optional<Score> score_;
  std::vector<std::string> open_events_;
};

}  // namespace

Result<Outcome> run_session(const CommandContext& context, const SessionOptions& options,
                            Interrupt& interrupt) {
  return Session(context, options, interrupt).run();
}

}  // namespace gala::demo
