// Lines and headers of memcached.
#include "stages/l7-source/protocols/memcached/memcached_words.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>

namespace gala::l7_source {

namespace {

using Kind = MemcachedKind;

constexpr auto verbs = std::to_array<MemcachedVerb>({
    {"get", Kind::retrieval},
    {"gets", Kind::retrieval},
    {"gat", Kind::retrieval},
    {"gats", Kind::retrieval},
    {"set", Kind::storage},
    {"add", Kind::storage},
    {"replace", Kind::storage},
    {"append", Kind::storage},
    {"prepend", Kind::storage},
    {"cas", Kind::storage},
    {"stats", Kind::statistics},
    {"delete", Kind::simple},
    {"incr", Kind::simple},
    {"decr", Kind::simple},
    {"touch", Kind::simple},
    {"flush_all", Kind::simple},
    {"version", Kind::simple},
    {"verbosity", Kind::simple},
    {"cache_memlimit", Kind::simple},
    {"lru", Kind::simple},
    {"slabs", Kind::simple},
    {"lru_crawler", Kind::simple},
    {"mg", Kind::meta},
    {"ms", Kind::meta},
    {"md", Kind::meta},
    {"ma", Kind::meta},
    {"mn", Kind::meta},
    {"me", Kind::meta},
    {"watch", Kind::stream},
    {"quit", Kind::stream},
});

constexpr auto operations = std::to_array<std::string_view>({
    "get",       "set",       "add",       "replace",   "delete",  "incr",  "decr",   "quit",
    "flush",     "getq",      "noop",      "version",   "getk",    "getkq", "append", "prepend",
    "stat",      "setq",      "addq",      "replaceq",  "deleteq", "incrq", "decrq",  "quitq",
    "flushq",    "appendq",   "prependq",  "verbosity", "touch",   "gat",   "gatq",   "",
    "sasl_list", "sasl_auth", "sasl_step", "gatk",      "gatkq",
});

constexpr std::uint64_t longest_data = std::uint64_t{1} << 30;
constexpr std::size_t longest_key = 250;

/// Words between single blanks, at most `most`; the last holds no blank either.
std::vector<std::string_view> words_of(std::string_view line, std::size_t most) {
  std::vector<std::string_view> words;
  while (words.size() < most) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) {
      break;
    }
    const std::string_view word = line.substr(0, line.find(' '));
    words.push_back(word);
    line.remove_prefix(word.size());
  }
  return words;
}

std::optional<std::uint64_t> number_of(std::string_view word) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = !word.empty() && parsed.ptr == word.data() + word.size();
  return whole && parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

bool is_key(std::string_view word) {
  return word.size() <= longest_key &&
         std::ranges::all_of(word, [](char c) { return static_cast<unsigned char>(c) > ' '; });
}

std::uint32_t opaque_of(std::string_view flag) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>()(flag) | 1U);
}

void read_storage(const std::vector<std::string_view>& words, MemcachedCommand& command) {
  const std::size_t expected = command.verb.name == "cas" ? 6 : 5;
  if (words.size() < expected) {
    return;
  }
  const auto size = number_of(words[4]);
  const bool flags = number_of(words[2]).has_value();
  command.valid = size && *size <= longest_data && flags && is_key(words[1]) &&
                  words.size() <= expected + 1 &&
                  (words.size() == expected || words.back() == "noreply");
  command.data_size = command.valid ? *size + 2 : 0;
}

void read_meta(const std::vector<std::string_view>& words, MemcachedCommand& command) {
  const bool stores = command.verb.name == "ms";
  const std::size_t flags = stores ? 3 : 2;
  const bool alone = command.verb.name == "mn";
  command.valid = alone ? words.size() == 1 : words.size() >= flags && is_key(words[1]);
  if (stores && command.valid) {
    const auto size = number_of(words[2]);
    command.valid = size && *size <= longest_data;
    command.data_size = command.valid ? *size + 2 : 0;
  }
  for (std::size_t i = flags; i < words.size(); ++i) {
    command.quiet = command.quiet || words[i] == "q";
    if (words[i].front() == 'O') {
      command.opaque = opaque_of(words[i]);
    }
  }
}

}  // namespace

MemcachedCommand memcached_command(std::string_view line) {
  constexpr std::size_t most_words = 32;
  const auto words = words_of(line, most_words);
  MemcachedCommand command;
  const auto verb =
      words.empty() ? verbs.end() : std::ranges::find(verbs, words.front(), &MemcachedVerb::name);
  if (verb == verbs.end()) {
    return command;
  }
  command.verb = *verb;
  if (verb->kind == Kind::storage) {
    read_storage(words, command);
  } else if (verb->kind == Kind::meta) {
    read_meta(words, command);
  } else if (verb->kind == Kind::retrieval) {
    command.valid = words.size() >= 2 && std::ranges::all_of(words, is_key);
  } else {
    const bool keyed = verb->name == "delete" || verb->name == "incr" || verb->name == "decr" ||
                       verb->name == "touch";
    command.valid = words.size() >= (keyed ? 2U : 1U) && words.size() <= 6;
  }
  command.silent = verb->kind != Kind::meta && words.size() > 1 && words.back() == "noreply";
  return command;
}

MemcachedAnswer memcached_answer(std::string_view line) {
  constexpr auto plain = std::to_array<std::string_view>(
      {"END", "STORED", "NOT_STORED", "EXISTS",  "NOT_FOUND", "DELETED", "TOUCHED",
       "OK",  "RESET",  "HD",         "EN",      "NS",        "EX",      "NF",
       "MN",  "BUSY",   "BADCLASS",   "NOSPARE", "NOTFULL",   "UNSAFE",  "SAME"});
  const auto words = words_of(line, 16);
  MemcachedAnswer answer;
  if (words.empty()) {
    return answer;
  }
  const std::string_view word = words.front();
  const bool data = (word == "VALUE" && words.size() >= 4) || (word == "VA" && words.size() >= 2);
  if (data) {
    const auto size = number_of(words[word == "VA" ? 1 : 3]);
    if (!size || *size > longest_data) {
      return answer;
    }
    answer.data_size = *size + 2;
    answer.goes_on = word == "VALUE";
  } else if (word == "ERROR" || word == "CLIENT_ERROR" || word == "SERVER_ERROR") {
    answer.error = true;
  } else if (word == "STAT") {
    answer.goes_on = true;
  } else if (word != "VERSION" && word != "ME" && !number_of(word) &&
             std::ranges::find(plain, word) == plain.end()) {
    return answer;
  }
  answer.word = word;
  for (const std::string_view flag : words) {
    if (word.size() == 2 && flag.front() == 'O' && flag != "OK") {
      answer.opaque = opaque_of(flag);
    }
  }
  return answer;
}

bool memcached_fits(MemcachedKind kind, std::string_view quiet_verb,
                    const MemcachedAnswer& answer) {
  const auto is_one_of = [&answer](std::initializer_list<std::string_view> words) {
    return std::ranges::find(words, answer.word) != words.end();
  };
  if (answer.error) {
    return true;
  }
  if (quiet_verb == "mg") {
    return is_one_of({"VA", "HD"});
  }
  if (!quiet_verb.empty()) {
    return is_one_of({"NS", "EX"});
  }
  switch (kind) {
    case Kind::retrieval:
      return is_one_of({"VALUE", "END"});
    case Kind::storage:
      return is_one_of({"STORED", "NOT_STORED", "EXISTS", "NOT_FOUND"});
    case Kind::statistics:
      return is_one_of({"STAT", "END", "RESET", "OK"});
    case Kind::meta:
      return is_one_of({"VA", "HD", "EN", "NS", "EX", "NF", "ME", "MN"});
    default:
      return answer.word.size() != 2 || answer.word == "OK" || number_of(answer.word).has_value();
  }
}

MemcachedHeader memcached_header(Bytes bytes) {
  Fields in(bytes);
  MemcachedHeader header;
  header.magic = in.u8();
  header.operation = in.u8();
  header.key_size = in.be16();
  header.extras_size = in.u8();
  header.data_type = in.u8();
  header.status = in.be16();
  header.body_size = in.be32();
  header.opaque = in.be32();
  return header;
}

std::string_view memcached_operation(std::uint8_t operation) {
  return operation < operations.size() ? operations[operation] : std::string_view();
}

bool is_memcached_quiet(std::uint8_t operation) {
  return memcached_operation(operation).ends_with('q');
}

bool is_memcached_request(const MemcachedHeader& header) {
  const std::string_view name = memcached_operation(header.operation);
  if (header.magic != memcached_request_magic || name.empty() || header.data_type != 0 ||
      header.key_size > longest_key || header.body_size > longest_data ||
      header.body_size < std::uint32_t{header.key_size} + header.extras_size) {
    return false;
  }
  const std::string_view base = name.ends_with('q') ? name.substr(0, name.size() - 1) : name;
  if (base == "set" || base == "add" || base == "replace") {
    return header.extras_size == 8 && header.key_size > 0;
  }
  if (base == "incr" || base == "decr") {
    return header.extras_size == 20 && header.body_size == header.key_size + 20U;
  }
  if (base == "get" || base == "getk" || base == "delete") {
    return header.extras_size == 0 && header.key_size > 0 && header.body_size == header.key_size;
  }
  if (base == "noop" || base == "version" || base == "quit" || base == "sasl_list") {
    return header.body_size == 0;
  }
  return header.extras_size == 0 || header.extras_size == 4;
}

}  // namespace gala::l7_source
