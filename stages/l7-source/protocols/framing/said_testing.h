// Exchanges as short texts, for tests.
#pragma once

#include <string>
#include <vector>

#include "stages/l7-source/parser_testing.h"
#include "stages/l7-source/protocol.h"

namespace gala::l7_source::parser_testing {

/// "GET", "SET client:WRONGTYPE", "BLPOP parked", "PUSH one-way".
inline std::string said(const Exchange& exchange) {
  std::string text = exchange.api;
  text += exchange.parked ? " parked" : "";
  text += exchange.one_way ? " one-way" : "";
  if (exchange.error != ErrorClass::none) {
    text += exchange.error == ErrorClass::server ? " server:" : " client:";
    text += exchange.code;
  }
  return text;
}

inline std::vector<std::string> said(const std::vector<Exchange>& exchanges) {
  std::vector<std::string> texts;
  for (const Exchange& exchange : exchanges) {
    texts.push_back(said(exchange));
  }
  return texts;
}

inline std::vector<std::string> ended(Talk& talk) { return said(talk.ended()); }

/// Bytes told one by one make the same exchanges as bytes told at once: nothing twice, nothing
/// lost.
inline std::vector<std::string> byte_by_byte(const Protocol& protocol, const std::string& request,
                                             const std::string& reply) {
  Talk talk(protocol);
  for (const char c : request) {
    talk.request(std::string(1, c));
  }
  for (const char c : reply) {
    talk.reply(std::string(1, c));
  }
  return ended(talk);
}

}  // namespace gala::l7_source::parser_testing
