// Which functions of a TLS library have the clear text, and where a probe at them costs least.
#pragma once

#include <vector>

#include "runtime/bpf/function_hook.h"
#include "stages/l7-source/elf_functions.h"

namespace gala::l7_source {

/// Where to attach which program of bpf/l7/tls.h, by offset; no file is named yet. Empty when the
/// file has no TLS library in it. OpenSSL 1.1 and 3 and what descends from them, GnuTLS; shared or
/// linked into a program, where its symbols were kept.
Result<std::vector<bpf::FunctionPoint>> tls_points(const ElfFunctions& file);

/// Where OpenSSL takes cipher text that it was handed (bpf/l7/tls_memory.h): in libcrypto, or in
/// the program that it is linked into.
Result<std::vector<bpf::FunctionPoint>> tls_taking_points(const ElfFunctions& file);

}  // namespace gala::l7_source
