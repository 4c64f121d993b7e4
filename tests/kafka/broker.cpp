// Formatting, starting and killing a Kafka broker.
#include "tests/kafka/broker.h"

#include <arpa/inet.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <fstream>

#include "runtime/core/handle.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

/// A port that nobody listens on right now.
std::uint16_t free_port() {
  const FileDescriptor descriptor(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ::bind(descriptor.value(), reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(descriptor.value(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::string properties(const std::string& directory, std::uint16_t port, std::uint16_t controller) {
  return "process.roles=broker,controller\n"
         "node.id=1\n"
         "controller.quorum.voters=1@127.0.0.1:" +
         std::to_string(controller) +
         "\n"
         "listeners=PLAINTEXT://127.0.0.1:" +
         std::to_string(port) + ",CONTROLLER://127.0.0.1:" + std::to_string(controller) +
         "\n"
         "controller.listener.names=CONTROLLER\n"
         "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n"
         "log.dirs=" +
         directory +
         "/data\n"
         "num.partitions=1\n"
         "offsets.topic.replication.factor=1\n"
         "log.cleaner.enable=false\n";
}

}  // namespace

std::vector<std::string> Broker::java(const std::string& main_class) const {
  return {find_program("java", "default-jre-headless").value_or("java"),
          "-Xms64m",
          "-Xmx256m",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
          "-Dorg.slf4j.simpleLogger.showDateTime=true",
          "-cp",
          jars_ + "/*",
          main_class};
}

Result<Broker> Broker::prepare(const std::string& jars, const std::string& directory) {
  Broker broker(jars, directory);
  broker.port_ = free_port();
  const std::string file = directory + "/server.properties";
  std::ofstream(file) << properties(directory, broker.port_, free_port());
  auto command = broker.java("kafka.tools.StorageTool");
  for (const char* argument : {"format", "-t", "Z2FsYS10ZXN0LWNsdXN0ZQ", "-c"}) {
    command.emplace_back(argument);
  }
  command.push_back(file);
  const Finished formatted = TRY(run_program(command, 60s));
  if (formatted.exit_code != 0) {
    return fail("Kafka's storage could not be prepared: " + formatted.output);
  }
  return broker;
}

bool Broker::answers() const {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", address().c_str(), nullptr, 0);
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t*, int, const char*, const char*) {});
  const Handle<rd_kafka_t, rd_kafka_destroy> client(
      rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0));
  const rd_kafka_metadata_t* metadata = nullptr;
  const bool answered =
      rd_kafka_metadata(client.get(), 0, nullptr, &metadata, 1000) == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (metadata != nullptr) {
    rd_kafka_metadata_destroy(metadata);
  }
  return answered;
}

Result<> Broker::start() {
  auto command = java("kafka.Kafka");
  command.push_back(directory_ + "/server.properties");
  process_ = TRY(Child::start_bound(command, directory_ + "/broker.log", [] { return true; }));
  if (!wait_until([this] { return process_.ended() || answers(); }, 120s) || process_.ended()) {
    return fail("Kafka did not come up; see " + directory_ + "/broker.log");
  }
  return {};
}

void Broker::kill() {
  ::kill(process_.pid(), SIGKILL);
  process_.wait(10s);
}

}  // namespace gala
