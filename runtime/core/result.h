// Errors as values: Result<T>, Error with context, and TRY.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace gala {

/// What went wrong, in one sentence that names the thing, the cause and the remedy.
struct [[nodiscard]] Error {
  std::string what;

  /// The same error seen from further out: "<context>: <what>".
  Error in(std::string_view context) && {
    what.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }
};

/// A value or the reason why there is none. The one line to change for std::expected (C++23).
template <class T = void>
using Result = tl::expected<T, Error>;

/// Builds the failed side of any Result.
inline tl::unexpected<Error> fail(std::string what) {
  return tl::unexpected<Error>(Error{std::move(what)});
}

namespace detail {
template <class T>
T take(tl::expected<T, Error>& result) {
  return std::move(*result);
}
inline void take(tl::expected<void, Error>&) {}
}  // namespace detail

}  // namespace gala

/// The value of `expression`, or returns its error from the enclosing function.
#define TRY(expression)                                       \
  __extension__({                                             \
    auto try_result = (expression);                           \
    if (!try_result) {                                        \
      return ::tl::unexpected(std::move(try_result).error()); \
    }                                                         \
    ::gala::detail::take(try_result);                         \
  })
