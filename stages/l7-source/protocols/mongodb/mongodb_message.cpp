// Commands by name, collections by place, errors by element.
#include "stages/l7-source/protocols/mongodb/mongodb_message.h"

#include <algorithm>
#include <array>

#include "stages/l7-source/protocols/mongodb/bson.h"

namespace gala::l7_source {

namespace {

constexpr std::uint32_t more_to_come = 1U << 1U;
constexpr std::uint32_t known_flags = 0x10003;

/// Their value is the name of a collection.
constexpr auto collection_commands = std::to_array<std::string_view>(
    {"aggregate", "collMod",     "collStats",     "compact",       "convertToCapped",
     "count",     "create",      "createIndexes", "delete",        "distinct",
     "drop",      "dropIndexes", "find",          "findAndModify", "findandmodify",
     "insert",    "killCursors", "listIndexes",   "mapReduce",     "update",
     "validate"});

constexpr auto other_commands = std::to_array<std::string_view>({"abortTransaction",
                                                                 "authenticate",
                                                                 "balancerStatus",
                                                                 "buildInfo",
                                                                 "buildinfo",
                                                                 "bulkWrite",
                                                                 "commitTransaction",
                                                                 "connectionStatus",
                                                                 "createUser",
                                                                 "currentOp",
                                                                 "dbHash",
                                                                 "dbStats",
                                                                 "dropDatabase",
                                                                 "dropUser",
                                                                 "enableSharding",
                                                                 "endSessions",
                                                                 "explain",
                                                                 "features",
                                                                 "flushRouterConfig",
                                                                 "fsync",
                                                                 "getCmdLineOpts",
                                                                 "getLastError",
                                                                 "getLog",
                                                                 "getMore",
                                                                 "getParameter",
                                                                 "getlasterror",
                                                                 "grantRolesToUser",
                                                                 "hello",
                                                                 "hostInfo",
                                                                 "isMaster",
                                                                 "isdbgrid",
                                                                 "ismaster",
                                                                 "killAllSessions",
                                                                 "killOp",
                                                                 "killSessions",
                                                                 "listCollections",
                                                                 "listCommands",
                                                                 "listDatabases",
                                                                 "listShards",
                                                                 "logout",
                                                                 "moveChunk",
                                                                 "ping",
                                                                 "profile",
                                                                 "refreshSessions",
                                                                 "renameCollection",
                                                                 "replSetFreeze",
                                                                 "replSetGetConfig",
                                                                 "replSetGetStatus",
                                                                 "replSetHeartbeat",
                                                                 "replSetInitiate",
                                                                 "replSetReconfig",
                                                                 "replSetRequestVotes",
                                                                 "replSetStepDown",
                                                                 "replSetUpdatePosition",
                                                                 "rolesInfo",
                                                                 "saslContinue",
                                                                 "saslStart",
                                                                 "serverStatus",
                                                                 "setFeatureCompatibilityVersion",
                                                                 "setParameter",
                                                                 "shardCollection",
                                                                 "shutdown",
                                                                 "split",
                                                                 "startSession",
                                                                 "top",
                                                                 "updateUser",
                                                                 "usersInfo",
                                                                 "whatsmyuri"});

// Hosts and networks, time limits, elections, shutdown, memory, disks.
constexpr auto server_errors = std::to_array<std::int64_t>({
    1,   6,   7,   50,  64,  74,  76,  89,    91,    96,    125,   133,   146,   175,
    189, 202, 262, 279, 290, 317, 358, 10107, 11600, 11602, 13388, 13435, 13436, 14031,
});

static_assert(std::ranges::is_sorted(collection_commands));
static_assert(std::ranges::is_sorted(other_commands));
static_assert(std::ranges::is_sorted(server_errors));

/// A name as text that can be shown.
std::string shown(std::string_view name) {
  std::string out(name.substr(0, longest_api));
  std::ranges::replace_if(out, [](char c) { return c <= ' ' || c >= 0x7f; }, '_');
  return out;
}

void read_command(Bytes document, MongodbCommand& command) {
  BsonReader reader(document);
  BsonElement element;
  if (!reader.next(element)) {
    command.valid = false;
    return;
  }
  const std::string_view name = element.name;
  const bool named = std::ranges::binary_search(collection_commands, name);
  command.known = named || std::ranges::binary_search(other_commands, name);
  command.api = command.known ? name : "~other";
  std::string_view collection = named ? element.as_text() : std::string_view();
  const bool hello = name == "hello" || name == "isMaster" || name == "ismaster";
  const bool more = name == "getMore";
  while (reader.next(element)) {
    command.parked = command.parked || (hello && element.name == "maxAwaitTimeMS") ||
                     (more && element.name == "maxTimeMS");
    if (more && element.name == "collection") {
      collection = element.as_text();
    }
  }
  if (!collection.empty()) {
    command.api += ' ' + shown(collection);
  }
}

/// The sections of an OP_MSG: the document is the one of kind 0. Empty = it is not here.
Bytes document_of(Bytes sections, bool& valid) {
  Fields in(sections);
  while (!in.rest().empty()) {
    const std::uint8_t kind = in.u8();
    if (kind == 0) {
      return in.rest();
    }
    Fields size_in(in.rest());
    const std::uint32_t size = size_in.le32();
    if (kind != 1 || (size_in.ok() && size < 5)) {
      valid = false;
      return {};
    }
    if (size > in.rest().size()) {
      return {};
    }
    in.skip(size);
  }
  return {};
}

void read_query(Bytes body, MongodbCommand& command) {
  Fields in(body);
  in.skip(4);
  const std::string_view collection = in.zero_ended();
  in.skip(8);
  if (!in.ok()) {
    command.valid = collection.size() < 256;
    return;
  }
  if (collection.ends_with(".$cmd")) {
    read_command(in.rest(), command);
  } else {
    command.api = "query " + shown(collection);
    command.known = collection.find('.') != std::string_view::npos;
  }
}

void fail_with(std::int64_t code, MongodbAnswer& answer) {
  answer.code = code == 0 ? "~other" : std::to_string(code);
  answer.error =
      std::ranges::binary_search(server_errors, code) ? ErrorClass::server : ErrorClass::client;
}

/// The code of a document, or of the first document of an array.
std::int64_t code_within(const BsonElement& holder) {
  BsonReader reader(holder.value);
  BsonElement element;
  while (reader.next(element)) {
    if (element.name == "code") {
      return element.number();
    }
    if (holder.type == BsonElement::array && element.type == BsonElement::document) {
      BsonReader first(element.value);
      while (first.next(element)) {
        if (element.name == "code") {
          return element.number();
        }
      }
      return 0;
    }
  }
  return 0;
}

void read_answer(Bytes document, MongodbAnswer& answer) {
  BsonReader reader(document);
  BsonElement element;
  bool failed = false;
  std::int64_t code = 0;
  while (reader.next(element)) {
    if (element.name == "ok") {
      failed = element.number() == 0;
    } else if (element.name == "code") {
      code = element.number();
    } else if ((element.name == "writeErrors" && element.type == BsonElement::array) ||
               (element.name == "writeConcernError" && element.type == BsonElement::document)) {
      constexpr std::size_t empty_document = 5;
      if (element.value.size() > empty_document) {
        fail_with(code_within(element), answer);
      }
    }
  }
  if (failed) {
    fail_with(code, answer);
  }
}

}  // namespace

MongodbHeader mongodb_header(Bytes bytes) {
  Fields in(bytes);
  MongodbHeader header;
  header.length = in.le32();
  header.id = in.le32();
  header.responds_to = in.le32();
  header.operation = in.le32();
  return header;
}

bool is_mongodb_header(const MongodbHeader& header) {
  constexpr auto operations = std::to_array<std::uint32_t>(
      {mongodb_operation::reply, mongodb_operation::update, mongodb_operation::insert,
       mongodb_operation::query, mongodb_operation::get_more, mongodb_operation::remove,
       mongodb_operation::kill_cursors, mongodb_operation::compressed, mongodb_operation::message});
  return header.length >= mongodb_header_size + 5 && header.length <= longest_mongodb_message &&
         std::ranges::find(operations, header.operation) != operations.end();
}

MongodbCommand mongodb_command(const MongodbHeader& header, Bytes body) {
  MongodbCommand command;
  Fields in(body);
  switch (header.operation) {
    case mongodb_operation::message: {
      const std::uint32_t flags = in.le32();
      command.silent = (flags & more_to_come) != 0;
      command.valid = (flags & 0xffffU & ~known_flags) == 0;
      const Bytes document = document_of(in.rest(), command.valid);
      if (command.valid && !document.empty()) {
        read_command(document, command);
      }
      break;
    }
    case mongodb_operation::compressed: {
      MongodbHeader inner = header;
      inner.operation = in.le32();
      in.skip(4);
      const bool plain = in.u8() == 0;
      if (in.ok() && plain && inner.operation != mongodb_operation::compressed) {
        return mongodb_command(inner, in.rest());
      }
      command.api = "~compressed";
      break;
    }
    case mongodb_operation::query:
      read_query(body, command);
      break;
    case mongodb_operation::get_more:
      command.api = "getMore";
      break;
    default:
      command.silent = true;
      command.api = header.operation == mongodb_operation::insert   ? "insert"
                    : header.operation == mongodb_operation::update ? "update"
                    : header.operation == mongodb_operation::remove ? "delete"
                                                                    : "killCursors";
  }
  return command;
}

MongodbAnswer mongodb_answer(const MongodbHeader& header, Bytes body) {
  MongodbAnswer answer;
  Fields in(body);
  if (header.operation == mongodb_operation::message) {
    answer.more = (in.le32() & more_to_come) != 0;
    bool valid = true;
    read_answer(document_of(in.rest(), valid), answer);
  } else if (header.operation == mongodb_operation::reply) {
    constexpr std::uint32_t query_failure = 1U << 1U;
    const bool failed = (in.le32() & query_failure) != 0;
    in.skip(16);
    read_answer(in.rest(), answer);
    if (failed && answer.error == ErrorClass::none) {
      fail_with(0, answer);
    }
  } else if (header.operation == mongodb_operation::compressed) {
    MongodbHeader inner = header;
    inner.operation = in.le32();
    in.skip(4);
    const bool plain = in.u8() == 0;
    if (in.ok() && plain && inner.operation != mongodb_operation::compressed) {
      return mongodb_answer(inner, in.rest());
    }
  }
  return answer;
}

}  // namespace gala::l7_source
