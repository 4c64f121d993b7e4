// Which functions of a TLS library have the clear text.
//
// A probe on an instruction that the kernel imitates (push) costs a tenth of one that it must run
// step by step. The public functions of OpenSSL begin with the latter, but each pair of them calls
// one internal function that has the same arguments and begins with a push; it has no symbol, so it
// is found as what both call.
#include "stages/l7-source/tls_points.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string_view>

#include "stages/l7-source/go_functions.h"

namespace gala::l7_source {
namespace {

using Found = ElfFunctions::Found;
using Points = std::vector<bpf::FunctionPoint>;

/// As in bpf/l7/tls.h.
constexpr std::uint64_t reads = 1;
constexpr std::uint64_t writes = 2;
constexpr std::uint64_t handshake = 4;
constexpr std::uint64_t size_at_fourth = 8;
constexpr std::uint64_t size_at_fifth = 16;

constexpr std::array<std::string_view, 14> names{
    "SSL_read",           "SSL_read_ex",          "SSL_write",
    "SSL_write_ex",       "SSL_write_ex2",        "SSL_do_handshake",
    "SSL_free",           "SSL_set_accept_state", "gnutls_record_recv",
    "gnutls_record_send", "gnutls_record_send2",  "gnutls_record_recv_seq",
    "gnutls_handshake",   "gnutls_deinit"};

#if defined(__x86_64__)
/// Code of a public function that is searched for calls.
constexpr std::size_t most_code = 256;
/// A function that only calls another is no longer.
constexpr std::uint64_t most_wrapper = 64;
constexpr std::uint64_t alignment = 16;

bool begins_with_push(std::span<const std::uint8_t> code) {
  const auto is_push = [](std::uint8_t byte) { return byte >= 0x50 && byte <= 0x57; };
  return code.size() > 1 && (is_push(code[0]) || (code[0] == 0x41 && is_push(code[1])));
}

/// Code for processors that check the targets of jumps begins with an instruction for that.
bool begins_with_mark(std::span<const std::uint8_t> code) {
  constexpr std::array<std::uint8_t, 4> mark{0xf3, 0x0f, 0x1e, 0xfa};
  return code.size() >= mark.size() && std::equal(mark.begin(), mark.end(), code.begin());
}

/// Where a probe at the function's beginning costs least.
std::uint64_t best_beginning(const ElfFunctions& file, std::uint64_t address) {
  constexpr std::size_t mark_and_push = 6;
  const auto code = file.code(address, mark_and_push);
  return begins_with_mark(code) && begins_with_push(std::span(code).subspan(4)) ? address + 4
                                                                                : address;
}

/// Addresses that an instruction "call" may lead to, in any reading of the bytes.
std::set<std::uint64_t> callees(const ElfFunctions& file, const ElfFunctions::Function& caller) {
  constexpr std::uint8_t call = 0xe8;
  constexpr std::size_t call_bytes = 5;
  std::set<std::uint64_t> all;
  const auto code = file.code(
      caller.address, static_cast<std::size_t>(std::min<std::uint64_t>(caller.size, most_code)));
  for (std::size_t at = 0; at + call_bytes <= code.size(); ++at) {
    std::int32_t distance = 0;
    std::memcpy(&distance, code.data() + at + 1, sizeof(distance));
    const std::uint64_t target =
        caller.address + at + call_bytes + static_cast<std::uint64_t>(std::int64_t{distance});
    if (code[at] == call && target % alignment == 0) {
      all.insert(target);
    }
  }
  return all;
}

/// What both call and begins as a function does, where `wrapper` does nothing else; nothing unless
/// there is exactly one.
std::optional<std::uint64_t> common_callee(const ElfFunctions& file,
                                           const ElfFunctions::Function& one,
                                           const ElfFunctions::Function& wrapper) {
  std::optional<std::uint64_t> common;
  if (wrapper.size > most_wrapper) {
    return common;
  }
  const std::set<std::uint64_t> of_wrapper = callees(file, wrapper);
  for (const std::uint64_t target : callees(file, one)) {
    const std::uint64_t begin = best_beginning(file, target);
    if (!of_wrapper.contains(target) || !begins_with_push(file.code(begin, 2))) {
      continue;
    }
    if (common) {
      return std::nullopt;
    }
    common = begin;
  }
  return common;
}
#else
std::uint64_t best_beginning(const ElfFunctions& /*file*/, std::uint64_t address) {
  return address;
}
std::optional<std::uint64_t> common_callee(const ElfFunctions& /*file*/,
                                           const ElfFunctions::Function& /*one*/,
                                           const ElfFunctions::Function& /*wrapper*/) {
  return std::nullopt;
}
#endif

/// Collects points of functions that the file has.
class Collector {
 public:
  Collector(const ElfFunctions& file, const Found& found,
            std::string_view begins = "tls_call_begins", std::string_view ends = "tls_call_ends")
      : file_(file), found_(found), begins_(begins), ends_(ends) {}

  void at_address(std::uint64_t address, std::string_view program, std::uint64_t cookie,
                  bool at_return = false) {
    if (const auto offset = file_.offset_of(address)) {
      points_.push_back({std::string(program), "", *offset, at_return, cookie});
    }
  }
  void at(std::string_view function, std::string_view program) {
    if (const auto found = found_.find(function); found != found_.end()) {
      at_address(best_beginning(file_, found->second.address), program, 0);
    }
  }
  void call_at(std::uint64_t address, std::uint64_t what) {
    // The end first: nothing begins that has no end.
    at_address(address, ends_, what, true);
    at_address(address, begins_, what);
  }
  void call(std::string_view function, std::uint64_t what) {
    if (const auto found = found_.find(function); found != found_.end()) {
      call_at(best_beginning(file_, found->second.address), what);
    }
  }
  /// `plain` returns the size, `extended` writes it.
  void call_either(std::string_view plain, std::string_view extended, std::uint64_t what,
                   std::uint64_t size_at) {
    const auto one = found_.find(plain);
    const auto other = found_.find(extended);
    if (one != found_.end() && other != found_.end()) {
      if (const auto internal = common_callee(file_, one->second, other->second)) {
        call_at(*internal, what | size_at);
        return;
      }
    }
    call(plain, what);
    call(extended, what | size_at);
  }
  Points take() { return std::move(points_); }

 private:
  const ElfFunctions& file_;
  const Found& found_;
  std::string_view begins_;
  std::string_view ends_;
  Points points_;
};

void collect_openssl(const Found& found, Collector& points) {
  points.call_either("SSL_read", "SSL_read_ex", reads, size_at_fourth);
  if (found.contains("SSL_write_ex2")) {
    // Since 3.3, with flags before the place for the size; SSL_write_ex calls it.
    points.call_either("SSL_write", "SSL_write_ex2", writes, size_at_fifth);
  } else {
    points.call_either("SSL_write", "SSL_write_ex", writes, size_at_fourth);
  }
  points.call("SSL_do_handshake", handshake);
  points.at("SSL_set_accept_state", "tls_session_begins");
  points.at("SSL_free", "tls_session_ends");
}

void collect_gnutls(const Found& found, Collector& points) {
  points.call("gnutls_record_recv", reads);
  points.call("gnutls_record_recv_seq", reads);
  // Since 3.6.3 the one jumps into the other.
  points.call(found.contains("gnutls_record_send2") ? "gnutls_record_send2" : "gnutls_record_send",
              writes);
  points.call("gnutls_handshake", handshake);
  points.at("gnutls_deinit", "tls_session_ends");
}

/// Go has its own stacks, which a probe at a return by address would break: a read's end is at each
/// return instruction. What is written is there when the function begins.
void collect_go(const ElfFunctions& file, Collector& points) {
  constexpr std::string_view read = "crypto/tls.(*Conn).Read";
  constexpr std::string_view write = "crypto/tls.(*Conn).Write";
  constexpr std::string_view serve = "crypto/tls.(*Conn).serverHandshake";
  constexpr std::string_view ask = "crypto/tls.(*Conn).clientHandshake";
  constexpr std::array<std::string_view, 4> all{read, write, serve, ask};
  const auto functions = go_functions(file, all);
  if (!functions.contains(read) || !functions.contains(write)) {
    return;
  }
  for (const auto& [name, function] : functions) {
    if (name == write) {
      points.at_address(function.push, "go_writes", 0);
      continue;
    }
    const std::uint64_t what = name == read ? reads : handshake;
    for (const std::uint64_t address : function.returns) {
      points.at_address(address, "go_call_ends", what);
    }
    points.at_address(function.push, "go_call_begins", what);
  }
}

}  // namespace

Result<Points> tls_points(const ElfFunctions& file) {
  const Found found = TRY(file.find(names));
  Collector points(file, found);
  if (found.contains("SSL_read") && found.contains("SSL_write")) {
    collect_openssl(found, points);
  }
  if (found.contains("gnutls_record_recv") && found.contains("gnutls_record_send")) {
    collect_gnutls(found, points);
  }
  collect_go(file, points);
  return points.take();
}

Result<Points> tls_taking_points(const ElfFunctions& file) {
  constexpr std::array<std::string_view, 2> both{"BIO_read", "BIO_read_ex"};
  const Found found = TRY(file.find(both));
  Collector points(file, found, "tls_take_begins", "tls_take_ends");
  points.call_either(both[0], both[1], 0, size_at_fourth);
  return points.take();
}

}  // namespace gala::l7_source
