// The main of a stage program.
#pragma once

#include "runtime/core/stage.h"

namespace gala {
namespace detail {

/// Reads options, pipeline file and model, reports every mistake at once, then runs the loop (or
/// the offline driver with --replay). Returns the exit code: 0, 1 = could not start, 2 = bad input.
int run_stage(int argc, char** argv, const StageType& type);

}  // namespace detail

/// The whole main of a stage program.
template <Stage T>
int stage_main(int argc, char** argv) {
  return detail::run_stage(argc, argv, detail::type_of<T>());
}

}  // namespace gala
