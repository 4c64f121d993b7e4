// History from Prometheus: a server of our own answers, the observations must hold what it said.
#include "stages/detect/train/prometheus.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <algorithm>
#include <thread>

#include "runtime/core/batch.h"
#include "schemas/wire/observations_generated.h"

namespace gala::detect {
namespace {

Model model_of_disks() {
  const std::vector<SourceText> files{{"disk.toml", R"(
[entity]
about = "A disk."
zh = "磁盘"
level = "host"
[key]
name = { about = "Name.", zh = "名字" }
[table.io]
from = "io.disks"
[metric]
wait = { table = "io", type = "histogram", unit = "s", about = "Time.", zh = "时延" }
rate = { table = "io", type = "gauge", unit = "1/s", about = "Requests.", zh = "请求" }
[[check]]
id = "slow"
metric = "wait"
statistic = "mean"
kind = "joint"
with = ["rate"]
baseline = "10m"
factor = 3
text = "slow"
zh = "慢"
)"}};
  Diagnostics diagnostics;
  Model model = Model::parse(files, diagnostics);
  EXPECT_EQ(diagnostics.render({}), "");
  return model;
}

TEST(Prometheus, ReadsARangeAsObservations) {
  httplib::Server server;
  std::vector<std::string> queries;
  server.Get("/api/v1/query_range", [&](const httplib::Request& request, httplib::Response& reply) {
    queries.push_back(request.get_param_value("query"));
    const std::string value = queries.back().find("rate") != std::string::npos ? "7" : "0.25";
    reply.set_content(R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":)"
                      R"({"machine_id":"m1","name":"sda"},"values":[[100,")" +
                          value + R"("],[105,"NaN"]]}]}})",
                      "application/json");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  std::size_t messages = 0;
  const auto done = read_prometheus({"http://127.0.0.1:" + std::to_string(port), 100, 110, 5},
                                    model_of_disks(), [&](const std::vector<std::uint8_t>& bytes) {
                                      const auto& message =
                                          *flatbuffers::GetRoot<wire::Observations>(bytes.data());
                                      const TableView table(message.columns(), message.rows());
                                      EXPECT_EQ(table.find("entity_id").text(0), "m1_disk_sda");
                                      if (++messages == 1) {
                                        EXPECT_EQ(message.window_end_ns(), 100'000'000'000U);
                                        EXPECT_EQ(table.find("rate").number(0), 7);
                                        EXPECT_EQ(table.find("wait").maximum(0), 0.25);
                                      } else {
                                        EXPECT_EQ(table.find("wait").counts(0)[0], 0U);
                                      }
                                    });
  server.stop();
  serving.join();
  ASSERT_TRUE(done) << done.error().what;
  EXPECT_EQ(*done, 4U);
  EXPECT_EQ(messages, 2U);
  ASSERT_EQ(queries.size(), 2U);
  EXPECT_EQ(
      queries[0],
      "increase(gala_gopher_disk_wait_sum[10s]) / increase(gala_gopher_disk_wait_count[10s])");
}

TEST(Prometheus, AsksForACounterAsTheStageSeesIt) {
  Entity entity;
  entity.name = "disk";
  Metric errors;
  errors.name = "errors";
  errors.type = MetricType::counter;
  EXPECT_EQ(promql_of(entity, errors, Statistic::value, 5),
            "increase(gala_gopher_disk_errors[10s]) / 2");
}

// Prometheus refuses an end before its start, and more than 11,000 values a series.
TEST(Prometheus, AsksForWhatPrometheusAnswersWhateverTheStep) {
  httplib::Server server;
  double most_values = 0;
  std::size_t queries = 0;
  server.Get("/api/v1/query_range", [&](const httplib::Request& request, httplib::Response& reply) {
    const auto number = [&](const char* name) { return std::stod(request.get_param_value(name)); };
    EXPECT_GE(number("end"), number("start"));
    most_values = std::max(most_values, (number("end") - number("start")) / number("step") + 1);
    ++queries;
    reply.set_content(R"({"data":{"result":[]}})", "application/json");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread serving([&] { server.listen_after_bind(); });
  const auto ask = [&](double step_s) {
    return read_prometheus({"http://127.0.0.1:" + std::to_string(port), 0, 86'400, step_s},
                           model_of_disks(), [](const std::vector<std::uint8_t>&) {});
  };
  EXPECT_TRUE(ask(1));
  EXPECT_EQ(queries, 18U) << "nine for each of two columns";
  EXPECT_TRUE(ask(86'400));
  EXPECT_TRUE(ask(25'000));
  server.stop();
  serving.join();
  EXPECT_LE(most_values, 11'000);
}

TEST(Prometheus, SaysThatNobodyAnswers) {
  const auto done = read_prometheus({"http://127.0.0.1:1", 0, 10, 5}, model_of_disks(),
                                    [](const std::vector<std::uint8_t>&) {});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("http://127.0.0.1:1"), std::string::npos);
}

TEST(Prometheus, RefusesWhatIsNoAnswer) {
  for (const char* body :
       {"", "[]", "{}", R"({"data":5})", R"({"data":{"result":{}}})", "<html>"}) {
    EXPECT_FALSE(parse_range_answer(body)) << body;
  }
  EXPECT_TRUE(parse_range_answer(R"({"data":{"result":[]}})")->empty());
  EXPECT_TRUE(parse_range_answer(R"({"data":{"result":[1,null,"x"]}})")->empty());
}

}  // namespace
}  // namespace gala::detect
