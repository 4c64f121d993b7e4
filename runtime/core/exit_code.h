// How the programs end: exit codes, and errors that carry one.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "runtime/core/result.h"

namespace gala {

inline constexpr int exit_ok = 0;
/// It could not be done, or a check found trouble: nothing runs, a file cannot be written, counts
/// do not add up.
inline constexpr int exit_failure = 1;
/// What the user gave is wrong: an option, a file to read, a name that nothing has.
inline constexpr int exit_bad_input = 2;

/// Why a program ends early, and its exit code then.
struct [[nodiscard]] Failure {
  std::string what;
  int exit_code = exit_failure;
};

inline Failure as_failure(Error error) { return {std::move(error.what), exit_failure}; }
inline Failure as_bad_input(Error error) { return {std::move(error.what), exit_bad_input}; }

/// Of a step whose caller has to end the program; TRY passes the Failure on.
template <class T = void>
using ExitResult = tl::expected<T, Failure>;

namespace detail {
template <class T>
T take(ExitResult<T>& result) {
  return std::move(*result);
}
inline void take(ExitResult<>&) {}
}  // namespace detail

}  // namespace gala
