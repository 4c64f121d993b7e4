// PostgreSQL: messages as libpq and JDBC send them.
#include "stages/l7-source/protocols/postgresql/postgresql.h"

#include <gmock/gmock.h>

#include "stages/l7-source/protocols/framing/said_testing.h"

namespace gala::l7_source {
namespace {

using namespace std::string_literals;
using parser_testing::byte_by_byte;
using parser_testing::ended;
using parser_testing::replay;
using parser_testing::said;
using parser_testing::Talk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string number(std::size_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}
std::string message(char type, const std::string& body) {
  return type + number(body.size() + 4) + body;
}
std::string query(const std::string& text) { return message('Q', text + '\0'); }
std::string parse(const std::string& name, const std::string& text) {
  return message('P', name + '\0' + text + "\0\0\0"s);
}
std::string bind(const std::string& statement) {
  return message('B', "\0"s + statement + "\0\0\0\0\1\0\0\0\7private\0\0"s);
}
const std::string execute = message('E', "\0\0\0\0\0"s);
const std::string sync = message('S', "");
const std::string flush = message('H', "");
const std::string describe = message('D', "S\0"s);
const std::string ready = message('Z', "I");
const std::string done = message('C', "SELECT 1\0"s);
const std::string startup = "\0\0\0\x1d\0\3\0\0user\0bob\0database\0d\0\0"s;

std::string error(const std::string& sqlstate) {
  return message('E', "SERROR\0VERROR\0C"s + sqlstate + "\0Msecret\0\0"s);
}

TEST(Postgresql, StartsAndAnswersSimpleQueries) {
  Talk talk(postgresql_protocol());
  talk.request(number(startup.size()) + startup.substr(4));
  talk.reply(message('R', "\0\0\0\12SCRAM-SHA-256\0\0"s));
  talk.request(message('p', "SCRAM-SHA-256\0\0\0\0\5n,,n="s));
  talk.reply(message('R', "\0\0\0\0"s) + message('S', "TimeZone\0UTC\0"s) + ready);
  talk.request(query("SELECT * FROM t WHERE id = 7"));
  talk.reply(message('T', "\0\1id\0"s) + message('D', "\0\1\0\0\0\0017"s) + done + ready);
  const auto exchanges = talk.ended();
  EXPECT_THAT(said(exchanges), ElementsAre("STARTUP", "SELECT * FROM t WHERE id = ?"));
  EXPECT_EQ(exchanges[1].request_bytes, query("SELECT * FROM t WHERE id = 7").size());
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Postgresql, NamesErrorsByTheirSqlstate) {
  Talk talk(postgresql_protocol());
  talk.request(query("INSERT INTO t VALUES ('secret')")).reply(error("23505") + ready);
  talk.request(query("SELECT 1")).reply(error("53200") + ready);
  // Rows may come before what fails.
  talk.request(query("SELECT x")).reply(message('T', "\0\0"s) + error("57014") + ready);
  EXPECT_THAT(ended(talk), ElementsAre("INSERT INTO t VALUES (?) client:23505",
                                       "SELECT ? server:53200", "SELECT x server:57014"));
}

TEST(Postgresql, CountsOneExchangeASyncAndKnowsPreparedStatements) {
  Talk talk(postgresql_protocol());
  talk.request(parse("s1", "SELECT name FROM t WHERE id = $1") + describe + sync);
  talk.reply(message('1', "") + message('t', "\0\0"s) + message('n', "") + ready);
  talk.request(bind("s1") + execute + sync);
  talk.reply(message('2', "") + done + ready);
  talk.request(bind("s1") + execute + bind("s1") + execute + sync);
  talk.reply(message('2', "") + error("40P01") + ready);
  talk.request(message('C', "Ss1\0"s) + sync).reply(message('3', "") + ready);
  talk.request(bind("s1") + execute + sync).reply(error("26000") + ready);
  const std::string shape = "SELECT name FROM t WHERE id = ?";
  EXPECT_THAT(ended(talk),
              ElementsAre(shape, shape, shape + " server:40P01", "SYNC", "EXECUTE client:26000"));
}

// asyncpg asks for the description first: the statement's own time begins behind the Flush.
TEST(Postgresql, TimesAStatementFromBehindItsFlush) {
  Talk talk(postgresql_protocol());
  talk.request(parse("a", "SELECT $1") + describe + flush);
  talk.reply(message('1', "") + message('t', "\0\0"s) + message('T', "\0\0"s));
  talk.request(bind("a") + execute + sync);
  const BootTime sent = talk.now();
  talk.reply(message('2', "") + done + ready);
  const auto exchanges = talk.ended();
  ASSERT_THAT(said(exchanges), ElementsAre("SELECT ?"));
  EXPECT_EQ(exchanges[0].begun, sent);
  EXPECT_EQ(exchanges[0].ended, talk.now());
}

TEST(Postgresql, IsTheSameByteByByte) {
  EXPECT_THAT(byte_by_byte(postgresql_protocol(),
                           query("BEGIN") + parse("", "SELECT 2") + bind("") + execute + sync,
                           done + ready + message('1', "") + message('2', "") + done + ready),
              ElementsAre("BEGIN", "SELECT ?"));
}

TEST(Postgresql, TellsWhatIsKnownOfALongResult) {
  Talk talk(postgresql_protocol());
  std::string rows = message('T', "\0\1"s + std::string(300, 'c'));
  for (int i = 0; i < 100; ++i) {
    rows += message('D', std::string(50, 'v'));
  }
  talk.request(query("SELECT * FROM wide")).reply(rows, 256).reply(rows + done + ready, 256);
  EXPECT_THAT(ended(talk), ElementsAre("SELECT * FROM wide"));
  talk.request(query("SELECT 2")).reply(done + ready);
  EXPECT_THAT(ended(talk), ElementsAre("SELECT ?"));
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Postgresql, ReadsALongStatementThatWasCut) {
  Talk talk(postgresql_protocol());
  const std::string text = "SELECT a FROM t WHERE b = '" + std::string(3000, 's') + "' AND c = 1";
  talk.request(query(text), 256).reply(done + ready);
  talk.request(query("COMMIT")).reply(done + ready);
  EXPECT_THAT(ended(talk), ElementsAre("SELECT a FROM t WHERE b = ?", "COMMIT"));
}

TEST(Postgresql, TellsPushesAndUnaskedErrors) {
  Talk talk(postgresql_protocol());
  talk.request(query("LISTEN c")).reply(done + ready);
  talk.reply(message('A', "\0\0\0\1c\0payload\0"s));
  talk.reply(message('N', "SNOTICE\0\0"s));
  talk.reply(error("57P01"));
  EXPECT_THAT(ended(talk), ElementsAre("LISTEN c", "NOTIFICATION one-way", "NOTICE one-way",
                                       "ERROR one-way server:57P01"));
}

TEST(Postgresql, CopiesInAndOut) {
  Talk talk(postgresql_protocol());
  talk.request(query("COPY t FROM STDIN")).reply(message('G', "\0\0\1\0\0"s));
  talk.request(message('d', std::string(5000, 'x')), 128).request(message('c', ""));
  talk.reply(done + ready);
  const auto exchanges = talk.ended();
  EXPECT_THAT(said(exchanges), ElementsAre("COPY t FROM STDIN"));
  EXPECT_GT(exchanges[0].request_bytes, 5000u);
  EXPECT_EQ(exchanges[0].ended - exchanges[0].begun, std::chrono::milliseconds{1});
}

TEST(Postgresql, GoesOnInPlainAfterARefusalAndEndsAtTls) {
  Talk plain(postgresql_protocol());
  plain.request("\0\0\0\x08\x04\xd2\x16\x2f"s).reply("N");
  plain.request(number(startup.size()) + startup.substr(4)).reply(error("28P01"));
  EXPECT_THAT(ended(plain), ElementsAre("STARTUP client:28P01"));
  Talk tls(postgresql_protocol());
  tls.request("\0\0\0\x08\x04\xd2\x16\x2f"s).reply("S");
  EXPECT_TRUE(tls.conversation().finished());
  Talk cancel(postgresql_protocol());
  cancel.request("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"s);
  EXPECT_THAT(ended(cancel), ElementsAre("CANCEL REQUEST one-way"));
}

TEST(Postgresql, ForgetsTheStatementThatWasNotUsedForLongest) {
  Talk talk(postgresql_protocol());
  for (int i = 0; i < 200; ++i) {
    talk.request(parse("s" + std::to_string(i), "SELECT a") + sync);
    talk.reply(message('1', "") + ready);
  }
  talk.ended();
  talk.request(bind("s199") + execute + sync + bind("s0") + execute + sync);
  talk.reply(done + ready + done + ready);
  EXPECT_THAT(ended(talk), ElementsAre("SELECT a", "EXECUTE"));
}

TEST(Postgresql, GivesUpWhatIsNotPostgresql) {
  Talk talk(postgresql_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("GET / HTTP/1.1\r\n\r\n").reply("HTTP/1.1 200 OK\r\n\r\n");
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
}

TEST(Postgresql, ReadsWhatPsqlAndPgbenchSay) {
  EXPECT_THAT(
      said(replay(postgresql_protocol(), "postgresql/captures/psql.txt")),
      ElementsAre("STARTUP", "CREATE TEMP TABLE t (id int primary key, name text)",
                  "INSERT INTO t VALUES (?)", "SELECT * FROM t WHERE name = ? AND id IN (?)",
                  "INSERT INTO t VALUES (?) client:23505", "SELECT ?/? client:22012",
                  "COPY t FROM STDIN", "LISTEN c", "NOTIFICATION one-way", "NOTIFY c, ?",
                  "SELECT generate_series(?)", "BEGIN", "COMMIT"));
  const std::string shape = "SELECT relname FROM pg_class WHERE oid = ?";
  EXPECT_THAT(said(replay(postgresql_protocol(), "postgresql/captures/pgbench_prepared.txt")),
              ElementsAre("STARTUP", shape, shape, shape, shape));
}

// The kernel copies the beginning of each read and write only: no statement may be lost by that.
TEST(Postgresql, ReadsWhatPsqlSaysByItsFirstBytes) {
  for (const std::size_t copied : {64U, 96U, 128U, 256U}) {
    EXPECT_EQ(replay(postgresql_protocol(), "postgresql/captures/psql.txt", copied).size(), 13u)
        << copied;
  }
}

}  // namespace
}  // namespace gala::l7_source
