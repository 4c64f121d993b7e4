// Lists of commands and error codes, in order for the search.
#include "stages/l7-source/protocols/redis/redis_commands.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace gala::l7_source {

namespace {

constexpr auto plain_commands = std::to_array<std::string_view>({"ACL",
                                                                 "APPEND",
                                                                 "ASKING",
                                                                 "AUTH",
                                                                 "BF.ADD",
                                                                 "BF.EXISTS",
                                                                 "BF.MADD",
                                                                 "BF.MEXISTS",
                                                                 "BF.RESERVE",
                                                                 "BGREWRITEAOF",
                                                                 "BGSAVE",
                                                                 "BITCOUNT",
                                                                 "BITFIELD",
                                                                 "BITFIELD_RO",
                                                                 "BITOP",
                                                                 "BITPOS",
                                                                 "CLUSTER",
                                                                 "COMMAND",
                                                                 "CONFIG",
                                                                 "COPY",
                                                                 "DBSIZE",
                                                                 "DEBUG",
                                                                 "DECR",
                                                                 "DECRBY",
                                                                 "DEL",
                                                                 "DISCARD",
                                                                 "DUMP",
                                                                 "ECHO",
                                                                 "EVAL",
                                                                 "EVALSHA",
                                                                 "EVALSHA_RO",
                                                                 "EVAL_RO",
                                                                 "EXEC",
                                                                 "EXISTS",
                                                                 "EXPIRE",
                                                                 "EXPIREAT",
                                                                 "EXPIRETIME",
                                                                 "FAILOVER",
                                                                 "FCALL",
                                                                 "FCALL_RO",
                                                                 "FLUSHALL",
                                                                 "FLUSHDB",
                                                                 "FT.AGGREGATE",
                                                                 "FT.CREATE",
                                                                 "FT.INFO",
                                                                 "FT.SEARCH",
                                                                 "FUNCTION",
                                                                 "GEOADD",
                                                                 "GEODIST",
                                                                 "GEOHASH",
                                                                 "GEOPOS",
                                                                 "GEORADIUS",
                                                                 "GEORADIUSBYMEMBER",
                                                                 "GEORADIUSBYMEMBER_RO",
                                                                 "GEORADIUS_RO",
                                                                 "GEOSEARCH",
                                                                 "GEOSEARCHSTORE",
                                                                 "GET",
                                                                 "GETBIT",
                                                                 "GETDEL",
                                                                 "GETEX",
                                                                 "GETRANGE",
                                                                 "GETSET",
                                                                 "HDEL",
                                                                 "HELLO",
                                                                 "HEXISTS",
                                                                 "HEXPIRE",
                                                                 "HEXPIREAT",
                                                                 "HGET",
                                                                 "HGETALL",
                                                                 "HGETDEL",
                                                                 "HGETEX",
                                                                 "HINCRBY",
                                                                 "HINCRBYFLOAT",
                                                                 "HKEYS",
                                                                 "HLEN",
                                                                 "HMGET",
                                                                 "HMSET",
                                                                 "HPERSIST",
                                                                 "HPEXPIRE",
                                                                 "HPTTL",
                                                                 "HRANDFIELD",
                                                                 "HSCAN",
                                                                 "HSET",
                                                                 "HSETEX",
                                                                 "HSETNX",
                                                                 "HSTRLEN",
                                                                 "HTTL",
                                                                 "HVALS",
                                                                 "INCR",
                                                                 "INCRBY",
                                                                 "INCRBYFLOAT",
                                                                 "INFO",
                                                                 "JSON.ARRAPPEND",
                                                                 "JSON.DEL",
                                                                 "JSON.GET",
                                                                 "JSON.MGET",
                                                                 "JSON.NUMINCRBY",
                                                                 "JSON.SET",
                                                                 "JSON.TYPE",
                                                                 "KEYS",
                                                                 "LASTSAVE",
                                                                 "LATENCY",
                                                                 "LCS",
                                                                 "LINDEX",
                                                                 "LINSERT",
                                                                 "LLEN",
                                                                 "LMOVE",
                                                                 "LMPOP",
                                                                 "LOLWUT",
                                                                 "LPOP",
                                                                 "LPOS",
                                                                 "LPUSH",
                                                                 "LPUSHX",
                                                                 "LRANGE",
                                                                 "LREM",
                                                                 "LSET",
                                                                 "LTRIM",
                                                                 "MEMORY",
                                                                 "MGET",
                                                                 "MIGRATE",
                                                                 "MODULE",
                                                                 "MOVE",
                                                                 "MSET",
                                                                 "MSETNX",
                                                                 "MULTI",
                                                                 "OBJECT",
                                                                 "PERSIST",
                                                                 "PEXPIRE",
                                                                 "PEXPIREAT",
                                                                 "PEXPIRETIME",
                                                                 "PFADD",
                                                                 "PFCOUNT",
                                                                 "PFDEBUG",
                                                                 "PFMERGE",
                                                                 "PFSELFTEST",
                                                                 "PING",
                                                                 "PSETEX",
                                                                 "PTTL",
                                                                 "PUBLISH",
                                                                 "PUBSUB",
                                                                 "QUIT",
                                                                 "RANDOMKEY",
                                                                 "READONLY",
                                                                 "READWRITE",
                                                                 "RENAME",
                                                                 "RENAMENX",
                                                                 "REPLCONF",
                                                                 "REPLICAOF",
                                                                 "RESET",
                                                                 "RESTORE",
                                                                 "ROLE",
                                                                 "RPOP",
                                                                 "RPOPLPUSH",
                                                                 "RPUSH",
                                                                 "RPUSHX",
                                                                 "SADD",
                                                                 "SAVE",
                                                                 "SCAN",
                                                                 "SCARD",
                                                                 "SCRIPT",
                                                                 "SDIFF",
                                                                 "SDIFFSTORE",
                                                                 "SELECT",
                                                                 "SENTINEL",
                                                                 "SET",
                                                                 "SETBIT",
                                                                 "SETEX",
                                                                 "SETNX",
                                                                 "SETRANGE",
                                                                 "SHUTDOWN",
                                                                 "SINTER",
                                                                 "SINTERCARD",
                                                                 "SINTERSTORE",
                                                                 "SISMEMBER",
                                                                 "SLAVEOF",
                                                                 "SLOWLOG",
                                                                 "SMEMBERS",
                                                                 "SMISMEMBER",
                                                                 "SMOVE",
                                                                 "SORT",
                                                                 "SORT_RO",
                                                                 "SPOP",
                                                                 "SPUBLISH",
                                                                 "SRANDMEMBER",
                                                                 "SREM",
                                                                 "SSCAN",
                                                                 "STRLEN",
                                                                 "SUBSTR",
                                                                 "SUNION",
                                                                 "SUNIONSTORE",
                                                                 "SWAPDB",
                                                                 "TIME",
                                                                 "TOUCH",
                                                                 "TS.ADD",
                                                                 "TS.GET",
                                                                 "TS.MADD",
                                                                 "TS.MRANGE",
                                                                 "TS.RANGE",
                                                                 "TTL",
                                                                 "TYPE",
                                                                 "UNLINK",
                                                                 "UNWATCH",
                                                                 "VADD",
                                                                 "VSIM",
                                                                 "WATCH",
                                                                 "XACK",
                                                                 "XACKDEL",
                                                                 "XADD",
                                                                 "XAUTOCLAIM",
                                                                 "XCLAIM",
                                                                 "XDEL",
                                                                 "XDELEX",
                                                                 "XGROUP",
                                                                 "XINFO",
                                                                 "XLEN",
                                                                 "XPENDING",
                                                                 "XRANGE",
                                                                 "XREVRANGE",
                                                                 "XTRIM",
                                                                 "ZADD",
                                                                 "ZCARD",
                                                                 "ZCOUNT",
                                                                 "ZDIFF",
                                                                 "ZDIFFSTORE",
                                                                 "ZINCRBY",
                                                                 "ZINTER",
                                                                 "ZINTERCARD",
                                                                 "ZINTERSTORE",
                                                                 "ZLEXCOUNT",
                                                                 "ZMPOP",
                                                                 "ZMSCORE",
                                                                 "ZPOPMAX",
                                                                 "ZPOPMIN",
                                                                 "ZRANDMEMBER",
                                                                 "ZRANGE",
                                                                 "ZRANGEBYLEX",
                                                                 "ZRANGEBYSCORE",
                                                                 "ZRANGESTORE",
                                                                 "ZRANK",
                                                                 "ZREM",
                                                                 "ZREMRANGEBYLEX",
                                                                 "ZREMRANGEBYRANK",
                                                                 "ZREMRANGEBYSCORE",
                                                                 "ZREVRANGE",
                                                                 "ZREVRANGEBYLEX",
                                                                 "ZREVRANGEBYSCORE",
                                                                 "ZREVRANK",
                                                                 "ZSCAN",
                                                                 "ZSCORE",
                                                                 "ZUNION",
                                                                 "ZUNIONSTORE"});

constexpr auto other_commands = std::to_array<RedisCommand>({
    RedisCommand{"BLMOVE", RedisKind::blocking},
    RedisCommand{"BLMPOP", RedisKind::blocking},
    RedisCommand{"BLPOP", RedisKind::blocking},
    RedisCommand{"BRPOP", RedisKind::blocking},
    RedisCommand{"BRPOPLPUSH", RedisKind::blocking},
    RedisCommand{"BZMPOP", RedisKind::blocking},
    RedisCommand{"BZPOPMAX", RedisKind::blocking},
    RedisCommand{"BZPOPMIN", RedisKind::blocking},
    RedisCommand{"CLIENT", RedisKind::client},
    RedisCommand{"MONITOR", RedisKind::monitor},
    RedisCommand{"PSUBSCRIBE", RedisKind::subscribing},
    RedisCommand{"PSYNC", RedisKind::replication},
    RedisCommand{"PUNSUBSCRIBE", RedisKind::subscribing},
    RedisCommand{"SSUBSCRIBE", RedisKind::subscribing},
    RedisCommand{"SUBSCRIBE", RedisKind::subscribing},
    RedisCommand{"SUNSUBSCRIBE", RedisKind::subscribing},
    RedisCommand{"SYNC", RedisKind::replication},
    RedisCommand{"UNSUBSCRIBE", RedisKind::subscribing},
    RedisCommand{"WAIT", RedisKind::blocking},
    RedisCommand{"WAITAOF", RedisKind::blocking},
    RedisCommand{"XREAD", RedisKind::may_block},
    RedisCommand{"XREADGROUP", RedisKind::may_block},
});

constexpr auto client_errors = std::to_array<std::string_view>(
    {"ASK",      "BUSYGROUP",  "BUSYKEY",  "CROSSSLOT", "DENIED",     "ERR",       "EXECABORT",
     "INPROG",   "INVALIDOBJ", "MOVED",    "NOAUTH",    "NOGROUP",    "NOPERM",    "NOPROTO",
     "NOSCRIPT", "NOTBUSY",    "NOTREADY", "UNBLOCKED", "UNKILLABLE", "WRONGPASS", "WRONGTYPE"});

constexpr auto server_errors = std::to_array<std::string_view>(
    {"BUSY", "CLUSTERDOWN", "IOERR", "LOADING", "MASTERDOWN", "MISCONF", "NOMASTERLINK", "NOQUORUM",
     "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN"});

static_assert(std::ranges::is_sorted(plain_commands));
static_assert(std::ranges::is_sorted(other_commands, {}, &RedisCommand::name));
static_assert(std::ranges::is_sorted(client_errors));
static_assert(std::ranges::is_sorted(server_errors));

constexpr std::string_view other = "~other";

}  // namespace

RedisCommand redis_command(std::string_view name) {
  if (name.size() > longest_redis_command) {
    return {other};
  }
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  const std::string_view wanted = upper;
  const auto special = std::ranges::lower_bound(other_commands, wanted, {}, &RedisCommand::name);
  if (special != other_commands.end() && special->name == wanted) {
    return *special;
  }
  const auto plain = std::ranges::lower_bound(plain_commands, wanted);
  return {plain != plain_commands.end() && *plain == wanted ? *plain : other};
}

bool is_redis_redirection(std::string_view code) {
  return code == "ASK" || code == "MOVED" || code == "NOSCRIPT";
}

std::string_view redis_error_code(std::string_view message) {
  const std::string_view word = message.substr(0, message.find(' '));
  const auto client = std::ranges::lower_bound(client_errors, word);
  if (client != client_errors.end() && *client == word) {
    return *client;
  }
  const auto server = std::ranges::lower_bound(server_errors, word);
  return server != server_errors.end() && *server == word ? *server : other;
}

bool is_redis_server_error(std::string_view code) {
  return std::ranges::binary_search(server_errors, code);
}

}  // namespace gala::l7_source
