// The main of a stage program.
#pragma once

#include <initializer_list>
#include <span>

#include "runtime/core/stage.h"
#include "runtime/core/stage_options.h"

namespace gala {
namespace detail {

/// Reads options, pipeline file and model, reports every mistake at once, then runs the loop (or
/// the offline driver with --replay), unless the first word names a mode, which then runs instead.
/// Returns the exit code: 0, 1 = could not start, 2 = bad input.
int run_stage(int argc, char** argv, const StageType& type, std::span<const OfflineMode> modes);

}  // namespace detail

/// The whole main of a stage program, and what else the program can do:
///   stage_main<Detect>(argc, argv, {{"train", "Warm the models from history", train}});
template <Stage T>
int stage_main(int argc, char** argv, std::initializer_list<OfflineMode> modes = {}) {
  return detail::run_stage(argc, argv, detail::type_of<T>(), {modes.begin(), modes.size()});
}

}  // namespace gala
