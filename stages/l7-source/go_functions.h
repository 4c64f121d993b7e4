// Functions of a Go program: where each begins, and where it returns, as its own tables tell.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "stages/l7-source/elf_functions.h"

namespace gala::l7_source {

struct GoFunction {
  /// Addresses: of the first instruction that leaves a trace on the stack, "push", and of each
  /// "return".
  std::uint64_t push = 0;
  std::vector<std::uint64_t> returns;
};

/// Go's run time tells the depth of the stack at each instruction (pclntab), also in programs
/// without symbols; the compiler wrote that, so the places are instructions. What the code there
/// contradicts is left out. Empty for programs that are not of Go 1.18 or newer on x86-64.
std::map<std::string_view, GoFunction> go_functions(const ElfFunctions& file,
                                                    std::span<const std::string_view> names);

}  // namespace gala::l7_source
