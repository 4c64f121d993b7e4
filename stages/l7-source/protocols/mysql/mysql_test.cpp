// MySQL: packets as mysql, Connector/J and MariaDB's library exchange them.
#include "stages/l7-source/protocols/mysql/mysql.h"

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

std::string packet(int sequence, const std::string& body) {
  const std::size_t size = body.size();
  return std::string{static_cast<char>(size), static_cast<char>(size >> 8U),
                     static_cast<char>(size >> 16U), static_cast<char>(sequence)} +
         body;
}
std::string query(const std::string& text) { return packet(0, "\3" + text); }
std::string error(int sequence, int code) {
  return packet(sequence,
                "\xff"s + static_cast<char>(code) + static_cast<char>(code >> 8) + "#HY000secret");
}
const std::string ok = packet(1, "\0\0\0\2\0\0\0"s);
const std::string column = "\3def\1d\1t\1t\1a\1a\x0c\x3f\0\x0b\0\0\0\3\0\0\0\0\0"s;
const std::string old_end = "\xfe\0\0\2\0"s;
const std::string new_end = "\xfe\0\0\2\0\0\0"s;
const std::string greeting =
    packet(0,
           "\n8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\xff\2\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"
           "abcdefghijkl\0caching_sha2_password\0"s);

std::string login(std::uint32_t capabilities) {
  return packet(
      1,
      std::string{static_cast<char>(capabilities), static_cast<char>(capabilities >> 8U),
                  static_cast<char>(capabilities >> 16U), static_cast<char>(capabilities >> 24U)} +
          "\0\0\0\1\xff"s + std::string(23, '\0') + "bob\0\0d\0"s);
}

std::string rows(bool old) {
  std::string text = packet(1, "\1") + packet(2, column);
  int sequence = 3;
  if (old) {
    text += packet(sequence++, old_end);
  }
  text += packet(sequence++, "\0017");
  return text + packet(sequence, old ? old_end : new_end);
}

TEST(Mysql, LogsInAndAnswersStatements) {
  Talk talk(mysql_protocol());
  talk.reply(greeting).request(login(0x000fa685)).reply(packet(2, "\0\0\0\2\0\0\0"s));
  talk.request(query("SELECT * FROM t WHERE a = 'secret'")).reply(rows(true));
  talk.request(query("SELECT 2")).reply(rows(false));
  talk.request(packet(0, "\x0e")).reply(ok);
  const auto exchanges = talk.ended();
  EXPECT_THAT(said(exchanges),
              ElementsAre("CONNECT", "SELECT * FROM t WHERE a = ?", "SELECT ?", "COM_PING"));
  EXPECT_EQ(exchanges[1].reply_bytes, rows(true).size());
  EXPECT_EQ(talk.conversation().pending(), 0u);
}

TEST(Mysql, NamesErrorsByTheirNumber) {
  Talk talk(mysql_protocol());
  talk.reply(greeting).request(login(0)).reply(error(2, 1045));
  talk.request(query("INSERT INTO t VALUES (1)")).reply(error(1, 1062));
  talk.request(query("UPDATE t SET a = 1")).reply(error(1, 1213));
  // A statement may be stopped between its rows.
  talk.request(query("SELECT a FROM t"));
  talk.reply(packet(1, "\1") + packet(2, column) + packet(3, old_end) + packet(4, "\0017") +
             error(5, 3024));
  EXPECT_THAT(ended(talk),
              ElementsAre("CONNECT client:1045", "INSERT INTO t VALUES (?) client:1062",
                          "UPDATE t SET a = ? server:1213", "SELECT a FROM t server:3024"));
}

TEST(Mysql, KnowsPreparedStatementsAndWhatOwesNoAnswer) {
  Talk talk(mysql_protocol());
  talk.request(packet(0, "\x16SELECT a FROM t WHERE b = ?"));
  talk.reply(packet(1, "\0\7\0\0\0\1\0\1\0\0\0\0"s) + packet(2, column) + packet(3, column));
  talk.request(packet(0, "\x18\7\0\0\0\0\0private"s));
  talk.request(packet(0, "\x17\7\0\0\0\0\1\0\0\0"s)).reply(rows(false));
  talk.request(packet(0, "\x19\7\0\0\0"s));
  talk.request(packet(0, "\x17\7\0\0\0\0\1\0\0\0"s)).reply(error(1, 1243));
  talk.request(packet(0, "\1"));
  EXPECT_THAT(ended(talk), ElementsAre("COM_STMT_PREPARE", "COM_STMT_SEND_LONG_DATA one-way",
                                       "SELECT a FROM t WHERE b = ?", "COM_STMT_CLOSE one-way",
                                       "COM_STMT_EXECUTE client:1243", "COM_QUIT one-way"));
}

TEST(Mysql, ReadsSeveralResultsAndAttributesOfAQuery) {
  Talk talk(mysql_protocol());
  talk.request(packet(0, "\3\0\1SELECT 1; SELECT 2"s));
  talk.reply(packet(1, "\1") + packet(2, column) + packet(3, "\0011") +
             packet(4, "\xfe\0\0\x0a\0\0\0"s) + packet(5, "\1") + packet(6, column));
  EXPECT_EQ(talk.conversation().pending(), 1u);
  talk.reply(packet(7, "\0012") + packet(8, new_end));
  talk.request(packet(0, "\3\1\1\0\1\xfd\0\4name\6secretSELECT 1"s)).reply(ok);
  EXPECT_THAT(ended(talk), ElementsAre("SELECT ?; SELECT ?", "COM_QUERY"));
}

TEST(Mysql, LoadsALocalFile) {
  Talk talk(mysql_protocol());
  talk.request(query("LOAD DATA LOCAL INFILE 'secret' INTO TABLE t"));
  talk.reply(packet(1, "\xfbsecret"));
  talk.request(packet(2, std::string(3000, 'x')), 100).request(packet(3, ""));
  talk.reply(packet(4, "\0\1\0\2\0\0\0"s));
  EXPECT_THAT(ended(talk), ElementsAre("LOAD DATA LOCAL INFILE ? INTO TABLE t"));
}

TEST(Mysql, IsTheSameByteByByte) {
  EXPECT_THAT(byte_by_byte(mysql_protocol(), query("SELECT 1"), rows(true)),
              ElementsAre("SELECT ?"));
}

TEST(Mysql, FindsItsPlaceAgainBehindAGap) {
  Talk talk(mysql_protocol());
  std::string many = packet(1, "\1") + packet(2, column) + packet(3, old_end);
  for (int i = 4; i < 200; ++i) {
    many += packet(i, "\0017");
  }
  talk.request(query("SELECT a FROM t")).reply(many, 100).reply(many, 100);
  talk.request(query("COMMIT")).reply(ok);
  EXPECT_THAT(ended(talk), ElementsAre("SELECT a FROM t", "COMMIT"));
  EXPECT_FALSE(talk.conversation().lost());
}

TEST(Mysql, EndsAtTlsCompressionAndReplication) {
  Talk tls(mysql_protocol());
  tls.reply(greeting).request(packet(1, "\x05\xae\x0f\0\0\0\0\1\xff"s + std::string(23, '\0')));
  EXPECT_TRUE(tls.conversation().finished());
  Talk compressed(mysql_protocol());
  compressed.reply(greeting).request(login(1U << 5U)).reply(packet(2, "\0\0\0\2\0\0\0"s));
  EXPECT_TRUE(compressed.conversation().finished());
  EXPECT_THAT(ended(compressed), ElementsAre("CONNECT"));
  Talk replica(mysql_protocol());
  replica.request(packet(0, "\x12\4\0\0\0\0\0\1\0\0\0log"s));
  EXPECT_TRUE(replica.conversation().finished());
}

TEST(Mysql, TellsThatAServerRefusesBeforeItGreets) {
  Talk talk(mysql_protocol());
  talk.reply(error(0, 1040));
  EXPECT_THAT(ended(talk), ElementsAre("ERROR one-way server:1040"));
}

TEST(Mysql, GivesUpWhatIsNotMysql) {
  Talk talk(mysql_protocol());
  for (int i = 0; i < most_violations; ++i) {
    talk.request("*1\r\n\0PING\r\n"s).reply("+PONG\r\n");
  }
  EXPECT_TRUE(talk.conversation().lost());
  EXPECT_THAT(ended(talk), IsEmpty());
}

TEST(Mysql, ReadsWhatMariadbSays) {
  EXPECT_THAT(
      said(replay(mysql_protocol(), "mysql/captures/mariadb.txt")),
      ElementsAre("CONNECT", "CREATE TABLE IF NOT EXISTS t (id int primary key, name varchar(?))",
                  "REPLACE INTO t VALUES (?)", "SELECT * FROM t WHERE name = ? AND id IN (?)",
                  "INSERT INTO t VALUES (?) client:1062", "SELECT * FROM nowhere client:1146",
                  "SELECT seq FROM seq_1_to_300", "PREPARE p FROM ?", "EXECUTE p USING ?",
                  "UPDATE t SET name = ? WHERE id = ?", "BEGIN", "COMMIT", "COM_QUIT one-way"));
  const std::string shape = "SELECT name FROM t WHERE id = ?";
  EXPECT_THAT(said(replay(mysql_protocol(), "mysql/captures/connector_prepared.txt")),
              ElementsAre("CONNECT", "SET NAMES ? COLLATE ?", "SET @@session.autocommit = OFF",
                          "COM_PING", "COM_STMT_PREPARE", "COM_STMT_RESET", shape, "COM_STMT_RESET",
                          shape, "COM_STMT_CLOSE one-way", "COM_PING", "COM_QUIT one-way"));
}

// The kernel copies the beginning of each read and write only: no statement may be lost by that.
TEST(Mysql, ReadsWhatMariadbSaysByItsFirstBytes) {
  for (const std::size_t copied : {64U, 128U, 256U}) {
    EXPECT_EQ(replay(mysql_protocol(), "mysql/captures/mariadb.txt", copied).size(), 13u) << copied;
  }
}

}  // namespace
}  // namespace gala::l7_source
