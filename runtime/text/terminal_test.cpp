// What others control cannot steer a terminal, and a cut never splits a character.
#include "runtime/text/terminal.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gala {
namespace {

using namespace std::string_view_literals;

TEST(Printable, PicturesWhatATerminalWouldObey) {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const auto& [text, expected] : {
           Row{"redis-server", "redis-server"},
           Row{"数据库 🚀 café", "数据库 🚀 café"},
           Row{"\033[2Jgone\n", "␛[2Jgone␊"},
           Row{"a\0b\tc\r"sv, "a␀b␉c␍"},
           Row{"\x1f|\x7f", "␟|\uFFFD"},
           // One-character CSI, which some terminals read as ESC [.
           Row{"\xc2\x9b"
               "2J",
               "\uFFFD2J"},
           // "gpj.exe" would read as "exe.jpg".
           Row{"\u202Egpj.exe\u202C", "\uFFFDgpj.exe\uFFFD"},
           Row{"\u2067\u200F\u061C\u2028", "\uFFFD\uFFFD\uFFFD\uFFFD"},
           // Bytes that are no UTF-8: stray, cut off, overlong "/", a surrogate, beyond the last.
           Row{"\xff\xc3", "\uFFFD\uFFFD"},
           Row{"\xe4\xb8", "\uFFFD\uFFFD"},
           Row{"\xc0\xaf", "\uFFFD\uFFFD"},
           Row{"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
           Row{"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
           Row{"", ""},
       }) {
    EXPECT_EQ(printable(text), expected) << text;
  }
}

TEST(Printable, KeepsTheMeaningOfJson) {
  const nlohmann::json json{{"comm", "\033[2J\x7f\xc2\x9b数\u202E🚀"}};
  const std::string line = printable_json(json.dump());
  EXPECT_EQ(line, R"({"comm":"\u001b[2J\u007f\u009b数\u202e🚀"})");
  EXPECT_EQ(nlohmann::json::parse(line), json);
}

TEST(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width("redis"), 5U);
  EXPECT_EQ(display_width("数据库"), 6U);
  EXPECT_EQ(display_width("🚀"), 2U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(display_width("ｆｕｌｌ"), 8U);
  EXPECT_EQ(display_width("한글 かな"), 9U);
  EXPECT_EQ(display_width("\xff\xff"), 2U);
  EXPECT_EQ(display_width(""), 0U);
}

TEST(CutToWidth, CutsBetweenCharacters) {
  EXPECT_EQ(cut_to_width("redis-server", 12), "redis-server");
  EXPECT_EQ(cut_to_width("redis-server", 6), "redis…");
  EXPECT_EQ(cut_to_width("数据库服务", 10), "数据库服务");
  EXPECT_EQ(cut_to_width("数据库服务", 6), "数据…");
  EXPECT_EQ(cut_to_width("数据库服务", 5), "数据…");
  EXPECT_EQ(cut_to_width("🚀🚀🚀", 4), "🚀…");
  EXPECT_EQ(cut_to_width("cafe\u0301s are", 5), "cafe\u0301…");
  EXPECT_EQ(cut_to_width("ab", 1), "…");
  EXPECT_EQ(cut_to_width("ab", 0), "");
}

TEST(FitToWidth, FillsColumnsAlsoBesideWideCharacters) {
  EXPECT_EQ(fit_to_width("redis", 8), "redis   ");
  EXPECT_EQ(fit_to_width("数据库", 8), "数据库  ");
  EXPECT_EQ(fit_to_width("数据库服务器", 8), "数据库… ");
}

}  // namespace
}  // namespace gala
