// How people read a value of each unit, at the limits of rounding too.
#include "runtime/text/quantity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/model/unit.h"

namespace gala {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

struct Row {
  double value;
  std::string_view unit;
  std::string_view expected;
};

void expect_all(std::initializer_list<Row> rows) {
  for (const auto& [value, unit, expected] : rows) {
    EXPECT_EQ(quantity(value, unit), expected) << value << " " << unit;
  }
}

TEST(Quantity, WritesTimes) {
  expect_all({{0, "s", "0 s"},
              {0.0123, "s", "12.3 ms"},
              {0.000456, "s", "456 µs"},
              {3e-10, "s", "0.3 ns"},
              {0.9994, "s", "999 ms"},
              {0.9996, "s", "1 s"},
              {0.00099951, "s", "1 ms"},
              {1.5, "s", "1.5 s"},
              {1.234, "s", "1.23 s"},
              {12, "ms", "12 ms"},
              {1234, "ms", "1.23 s"},
              {2.5e6, "ns", "2.5 ms"},
              {250, "us", "250 µs"},
              {-0.0123, "s", "-12.3 ms"}});
}

TEST(Quantity, WritesLongTimesInTwoUnits) {
  expect_all({{90, "s", "90 s"},
              {119.4, "s", "119 s"},
              {119.6, "s", "2 min"},
              {150, "s", "2 min 30 s"},
              {180, "s", "3 min"},
              {3599.4, "s", "59 min 59 s"},
              {3599.6, "s", "1 h"},
              {4800, "s", "1 h 20 min"},
              {86'400 - 29, "s", "1 d"},
              {86'400 * 3 + 3600 * 4, "s", "3 d 4 h"},
              {30 * 86'400, "s", "30 d"},
              {-4800, "s", "-1 h 20 min"}});
}

TEST(Quantity, WritesBytesInBinaryPrefixes) {
  expect_all({{0, "B", "0 B"},
              {1000, "B", "1000 B"},
              {1023.6, "B", "1 KiB"},
              {1572864, "B", "1.5 MiB"},
              {1023.6 * 1024, "B", "1 MiB"},
              {3.0 * (1ULL << 40), "B", "3 TiB"},
              {2048, "kB", "2 MiB"},
              {4.2e6, "B/s", "4.01 MiB/s"},
              {2048, "kB/s", "2 MiB/s"},
              {0.4, "B/s", "0.4 B/s"},
              {-300'000, "B/s", "-293 KiB/s"}});
}

TEST(Quantity, WritesBitsAndFrequenciesInDecimalPrefixes) {
  expect_all({{1000, "Mbit/s", "1 Gbit/s"},
              {999.6e6, "bit/s", "1 Gbit/s"},
              {64'000, "bit/s", "64 kbit/s"},
              {2400, "MHz", "2.4 GHz"},
              {50, "Hz", "50 Hz"}});
}

TEST(Quantity, WritesCountsAndRates) {
  expect_all({{0, "1", "0"},
              {3, "1", "3"},
              {3, "", "3"},
              {9999, "1", "9999"},
              {4199.6, "1", "4200"},
              {9999.6, "1", "10k"},
              {12345, "1", "12.3k"},
              {999'600, "1", "1M"},
              {0.04567, "1", "0.0457"},
              {0.9996, "1", "1"},
              {-0.0004, "1", "-0.0004"},
              {1e-9, "1", "0"},
              {-1e-9, "1", "0"},
              {-7, "1", "-7"},
              {42, "1/s", "42/s"},
              {12345.6, "1/s", "12.3k/s"},
              {7, "jiffies", "7 jiffies"},
              {12345, "packets", "12.3k packets"}});
}

TEST(Quantity, WritesSharesInPercent) {
  expect_all({{93.42, "%", "93.4 %"},
              {0.05, "%", "0.05 %"},
              {99.96, "%", "100 %"},
              {1240, "%", "1240 %"},
              {0.95, "s/s", "95 %"},
              {3.2, "s/s", "320 %"},
              {0.0004, "s/s", "0.04 %"},
              {-12, "%", "-12 %"}});
}

TEST(Quantity, SurvivesWhatIsNoMeasurement) {
  expect_all({{none, "s", "?"}, {infinite, "B", "∞"}, {-infinite, "1", "-∞"}, {-0.0, "s", "0 s"}});
  for (const Unit& unit : units()) {
    for (const double value : {1e308, -1e308, 1e-308, 1e18}) {
      EXPECT_LT(quantity(value, unit.name).size(), 40U) << value << " " << unit.name;
    }
  }
}

}  // namespace
}  // namespace gala
