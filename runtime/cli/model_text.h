// The model in words: conditions, types, sources of metrics. For `gala describe` and the reference
// pages.
#pragma once

#include <string>
#include <string_view>

#include "runtime/cli/probe_info.h"
#include "runtime/model/model.h"

namespace gala {

std::string_view to_string(MetricType type);
std::string_view to_string(Combine combine);
std::string_view to_string(wire::Severity severity);

/// "p95 of latency at least 4 deviations above its last 10m" or "above 1 for 3s".
std::string condition_text(const Check& check);
/// "counter in B: tcp_link.links.rx_bytes × 0.001, per second".
std::string source_text(const Entity& entity, const Metric& metric);
/// "the same entity" or ">belongs_to:proc <belongs_to:tcp_link".
std::string path_text(const std::vector<Hop>& path);
/// "mean of latency above 0.005 s, within 10s".
std::string condition_text(const Entity& entity, const Hazard& hazard);
/// "throttled, pids_util: at most a fifth …": what an exposure says of how much it explains.
std::string share_text(const Exposure& exposure);
/// "belongs_to proc where tgid = tgid".
std::string relation_text(const Relation& relation);

/// Everything about one entity, for a terminal.
std::string describe_entity(const Entity& entity);
/// One metric with its checks, its causes and what it can cause.
std::string describe_metric(const Model& model, const Entity& entity, const Metric& metric);
std::string describe_probe(const ProbeInfo& probe);

}  // namespace gala
