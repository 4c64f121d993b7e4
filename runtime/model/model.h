// The meaning of what is measured: entities, metrics, checks, relations, hazards and exposures from
// schemas/model/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/core/document.h"
#include "runtime/core/record_schema.h"
#include "runtime/core/time.h"
#include "schemas/wire/batch_generated.h"
#include "schemas/wire/event_generated.h"

namespace gala {

/// A sentence in both languages.
struct Text {
  std::string en;
  std::string zh;
};

/// Names the statistic of a metric that is judged: a plain value, or one of a histogram.
enum class Statistic : std::uint8_t { value, mean, p50, p90, p95, p99, max, count };
std::optional<Statistic> parse_statistic(std::string_view word);
std::string_view to_string(Statistic statistic);

enum class MetricType : std::uint8_t { gauge, counter, histogram };
/// How rows of one window that belong to one entity become one value.
enum class Combine : std::uint8_t { sum, max, min, mean, last };

/// One number (or distribution) of an entity. Exported as gala_gopher_<entity>_<name>.
struct Metric {
  std::string name;
  std::string table;
  /// Column of the record; defaults to `name`.
  std::string field;
  MetricType type = MetricType::gauge;
  /// After `scale`: "s", "B", "1", "%", "B/s", …
  std::string unit;
  double scale = 1;
  Combine combine = Combine::sum;
  /// "" | "second" | a counter column of the same record: value = Δfield·scale / (seconds or Δper).
  std::string per;
  /// Not 0: the value is how fast `field` grew over that time, per second: a median that single
  /// jumps do not move.
  Duration trend{0};
  /// With `trend`: column that tells how much room is left; the value is the seconds until it is
  /// used up, growth_horizon_s where it does not grow.
  std::string until;
  /// An application KPI: what `infer` explains.
  bool kpi = false;
  std::optional<wire::Direction> worse;
  Text about;
  Place place;
};

/// "Never" of metrics with `until`: 30 days.
inline constexpr double growth_horizon_s = 30.0 * 86400;

/// Equality on keys or labels: name → allowed values (as text).
using Where = std::map<std::string, std::vector<std::string>>;

/// The metrics of an entity that come from one record table. A `from` that lists several gives a
/// table for each, all of one name.
struct Table {
  std::string name;
  /// "<probe>.<table>" of the records.
  std::string from;
  /// Columns that identify one counted thing among the rows (default: the entity's keys).
  std::vector<std::string> instance;
  /// Rows that count; record columns.
  Where where;
  Where where_not;
  /// Key or label of the entity → column of the record, where the names differ.
  std::map<std::string, std::string> rename;
  Text about;
  Place place;
};

/// Single requests that a source tells: each belongs to the entity whose keys are its columns.
struct Samples {
  /// "<probe>.<table>" of the records.
  std::string from;
  /// Rows that count; record columns.
  Where where;
  /// Key of the entity → column of the record, where the names differ.
  std::map<std::string, std::string> rename;
  /// Metrics of the entity that failed requests illustrate, and those that slow ones do.
  std::vector<std::string> failed;
  std::vector<std::string> slow;
  Place place;
  /// Column of the record that holds this key.
  [[nodiscard]] const std::string& column_of(const std::string& key) const {
    const auto renamed = rename.find(key);
    return renamed == rename.end() ? key : renamed->second;
  }
};

/// A metric that a check looks at beside its own, for plain numbers `statistic` = value.
struct Companion {
  std::string metric;
  Statistic statistic = Statistic::value;
};

/// A condition on a metric that makes an event.
struct Check {
  /// limit and deviation are judged by the stage threshold, joint and peers by the stage detect.
  enum class Kind : std::uint8_t { limit, deviation, joint, peers };
  /// Unique within the entity.
  std::string id;
  std::string metric;
  Statistic statistic = Statistic::value;
  Kind kind = Kind::limit;
  /// limit: abnormal beyond these. deviation: only values beyond these can be abnormal at all.
  std::optional<double> above;
  std::optional<double> below;
  /// Back to normal only on the good side of this (hysteresis); default: the limit itself.
  std::optional<double> clear;
  /// Abnormal that long before an event opens; normal that long before it closes.
  Duration hold{0};
  Duration clear_after{0};
  wire::Severity severity = wire::Severity::warn;
  /// deviation: how far back the baseline looks, how much history it needs before it judges, how
  /// many robust deviations are abnormal, the least relative change that matters, and the
  /// direction.
  Duration baseline{0};
  Duration warmup{0};
  double factor = 0;
  double least_change = 0;
  wire::Direction direction = wire::Direction::high;
  /// Histograms and ratios with fewer values in the window are not judged.
  double least_count = 0;
  /// joint: metrics of the same entity and table that are judged together with this one.
  std::vector<Companion> with;
  /// peers: keys and labels that equals have in common; empty = all of the entity type.
  std::vector<std::string> among;
  /// Other metric whose value (count for a histogram) is compared with least_count; default: own
  /// count.
  std::string count_metric;
  /// With {placeholders}: keys, labels, value, limit, unit, expected.
  Text text;
  Place place;
};

/// What programs conclude from the relations of a kind, beside following the paths of exposures.
enum class RelationRole : std::uint8_t {
  none,
  /// The entity is a part of the other one.
  part,
  /// Both are ends of one connection.
  peer,
  /// The entity opens connections to the other one.
  talk,
};

/// A kind of relations: `[kind.<name>]` in schemas/model/relations.toml.
struct RelationKind {
  std::string name;
  RelationRole role = RelationRole::none;
  Text about;
  Place place;
};

/// One hop of a path over the topology: along a relation (forward) or against it.
struct Hop {
  std::string relation;
  bool forward = true;
  /// Entity type at the end of the hop; "" = any.
  std::string entity;
};

/// As the model writes them, with blanks between: ">belongs_to:proc <belongs_to:tcp_link".
std::string to_text(std::span<const Hop> hops);

/// `this entity` kind `to`: where our columns equal theirs.
struct Relation {
  std::string kind;
  std::string to;
  /// Our key or label → theirs. machine_id is matched too unless across_hosts.
  std::map<std::string, std::string> match;
  Where where;
  Where to_where;
  /// Holds only when these labels of ours are empty.
  std::vector<std::string> absent;
  bool across_hosts = false;
  /// Derived: the outermost owners of both ends of an is_peer are connected.
  bool indirect = false;
  Place place;
  /// Like `match`, but compared only where both sides have all of them ("0" counts as absent).
  std::map<std::string, std::string> match_present;
  /// Two hops from this entity to `to`: the relation follows from two others. Empty = it is
  /// matched.
  std::vector<Hop> via;
  /// Holds only while the observed side has no other relation of this kind; the other side has no
  /// tables and stands for what nobody observes.
  bool alone = false;
};

/// How `infer` weighs the evidence for a hazard; stages/infer has one file for each.
enum class Method : std::uint8_t {
  /// A level that leaves what is usual.
  level,
  /// A level that adds up with others: it explains no more than its part of the effect's change.
  part_of_a_sum,
  /// A level of many that act together: what all with the same `together` took.
  shares_in_group,
  /// Something that is set: that it appears, or gets another value, is a change.
  appears,
  /// A part of a sum in foreign metrics: outliers of the past belong to what is usual.
  noisy_part,
};
std::string_view to_string(Method method);

/// Metrics of an entity that suffer from the same.
struct MetricGroup {
  std::string name;
  std::vector<std::string> metrics;
  Place place;
};

/// A metric of this entity that, when abnormal, harms others.
struct Hazard {
  /// Unique within the entity.
  std::string id;
  /// What exposures name; the id where none is given.
  std::vector<std::string> kinds;
  std::string metric;
  Statistic statistic = Statistic::value;
  wire::Direction direction = wire::Direction::high;
  Method method = Method::level;
  /// shares_in_group: the key or label that those have in common who act together.
  std::string together;
  /// Conditions on keys and labels of the entity.
  Where where;
  /// It begins at most that long before what it causes.
  Duration within{0};
  /// Belief before evidence, 0…1.
  double prior = 0.5;
  /// Least value that can matter (in the metric's unit).
  std::optional<double> above;
  std::optional<double> below;
  /// Least change against the usual value that can matter.
  std::optional<double> least_change;
  /// A change is measured by at least this share of the usual level.
  std::optional<double> floor;
  std::string keyword;
  /// With {cause.x}, {effect.x}, {kpi.x}: keys, labels, value, unit, …
  Text text;
  Place place;
};

/// Metrics of this entity that suffer from hazards elsewhere.
struct Exposure {
  /// Metrics of this entity.
  std::vector<std::string> suffers;
  /// Kinds of hazards, or single ones as "entity.id".
  std::vector<std::string> to;
  /// From this entity to those with the hazard; empty = the same entity.
  std::vector<Hop> path;
  /// The hazard's prior is multiplied by it, up to 1.
  double factor = 1;
  /// Instead of the hazard's.
  std::optional<Duration> within;
  /// Where both add up: the hazard counts fully when its change is this share of the effect's.
  /// 0 = not compared.
  double covers = 0;
  /// The effect is seconds for each of something, the hazard seconds in each second: this metric
  /// of ours says how many there are in a second. Not used where both are of one unit.
  std::string rate;
  /// Holds only while one of these series, "entity.metric" at the end of `needs_path`, is above
  /// `needs_above`. A series without data forbids nothing.
  std::vector<std::string> needs;
  std::vector<Hop> needs_path;
  double needs_above = 0;
  /// The effect may be a mere way to a cause beside it: a cause entity that reports nothing beneath
  /// itself is explained by one beside it that does.
  bool proxies = false;
  Place place;
};

/// A hazard as it reaches one metric through one exposure: `hazard.metric` of `entity` can make
/// `effect` worse.
struct Cause {
  std::string effect;
  /// Entity with the hazard.
  std::string entity;
  Hazard hazard;
  /// `suffers` and `to` are left out; `covers` is 0 where the method compares nothing.
  Exposure exposure;
};

/// What a person may change when a path to a KPI leads over one of certain metrics; `gala remedy`
/// shows and applies it.
struct Remedy {
  /// Between the settings of a target where it is one text.
  static constexpr std::string_view separator = " + ";

  std::string id;
  /// The metrics, "entity.metric".
  std::vector<std::string> mends;
  /// Settings that are changed together, as runtime/cli/remedy/setting.h reads them; {cause.x} as
  /// in sentences, the cause being the entity with the metric.
  std::vector<std::string> target;
  /// As runtime/cli/remedy/proposal.h reads it, with {cause.x}.
  std::string propose;
  /// Never proposed beyond it; 0 = no such limit.
  double most = 0;
  /// Why, one sentence.
  Text text;
  Place place;
};

/// What ids of entities that belong to no single machine begin with.
inline constexpr std::string_view shared_machine = "fleet";

/// A key or label.
struct Attribute {
  std::string name;
  Text about;
  Place place;
};

/// One kind of observed thing: schemas/model/<name>.toml.
struct Entity {
  std::string name;
  /// host | process | rpc.
  std::string level;
  Text about;
  std::vector<Attribute> keys;
  std::vector<Attribute> labels;
  std::vector<Table> tables;
  std::vector<Metric> metrics;
  std::vector<Check> checks;
  std::vector<Relation> relations;
  std::vector<MetricGroup> groups;
  std::vector<Hazard> hazards;
  std::vector<Exposure> exposures;
  /// What can make our metrics worse: our exposures with all hazards that they reach, in the order
  /// of belief.
  std::vector<Cause> causes;
  std::vector<Remedy> remedies;
  std::optional<Samples> samples;
  /// Forgotten when not seen that long.
  Duration expire{0};
  /// One for all machines: its ids begin with `shared_machine`.
  bool shared = false;
  /// Many that have nothing to do with each other hang on it: sharing it relates nobody.
  bool crossroads = false;
  Place place;

  [[nodiscard]] const Metric* find_metric(std::string_view metric) const;
  [[nodiscard]] const Table* find_table(std::string_view table) const;
  [[nodiscard]] bool has_attribute(std::string_view attribute) const;
};

/// Units that a metric may have.
std::span<const std::string_view> known_units();

/// All entities and kinds of relations. Immutable after loading; read from any thread.
class Model {
 public:
  /// Parses and checks the files against each other; all findings go to `diagnostics`. What could
  /// be read is in the result.
  static Model parse(std::span<const SourceText> files, Diagnostics& diagnostics);
  /// Reads every *.toml of `directory` (sorted by name) and parses them. One of them must be
  /// relations.toml; a model parsed without it may relate entities by any word.
  static Model load(const std::string& directory, std::vector<SourceText>& sources,
                    Diagnostics& diagnostics);

  [[nodiscard]] const std::vector<Entity>& entities() const { return entities_; }
  [[nodiscard]] const Entity* find(std::string_view entity) const;
  /// The kind of relations that has this role; "" if none has.
  [[nodiscard]] std::string_view kind_with(RelationRole role) const;
  /// What mends this metric, in the order of the model, whatever entity's file it stands in.
  [[nodiscard]] std::vector<const Remedy*> remedies_of(std::string_view entity,
                                                       std::string_view metric) const;

  /// Values a site changes: the `[override]` table of its pipeline,
  /// `[override.<entity>.check.<id>]` with above, below, clear, for, clear_for, factor, severity, …
  void apply_override(const Value& table, Diagnostics& diagnostics);
  /// Each table's `from` and each metric's field, key and label must exist in what sources offer.
  void check_against(const RecordSchemas& schemas, Diagnostics& diagnostics) const;

 private:
  std::vector<Entity> entities_;
  std::vector<RelationKind> relation_kinds_;
};

/// `<machine_id>_<entity>_<key1>_<key2>…`; characters outside the documented set become ':'.
std::string entity_id(std::string_view machine_id, std::string_view entity,
                      std::span<const std::string> key_values);

}  // namespace gala
