// The whole stage on the running kernel: real servers answer real requests, each of which must be
// in the rows, once, with what it was answered.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <utility>

#include "runtime/core/handle.h"
#include "runtime/model/model.h"
#include "stages/l7-source/l7_source.h"

namespace gala::l7_source {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto deadline = 10s;

/// Answers as its path says: /fail 500, /none 404, the rest 200.
constexpr const char* python_server = R"(
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        status = 500 if self.path == '/fail' else 404 if self.path == '/none' else 200
        body = b'x' * 300
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
)";

sockaddr_in address_of(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t free_port() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address = address_of(0);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(socket.value(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket.value(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

/// A connection of a client; empty when nobody listens.
FileDescriptor connect_to(std::uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in address = address_of(port);
  const bool connected =
      ::connect(socket.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  return connected ? std::move(socket) : FileDescriptor{};
}

/// Asks for `path` and reads the whole answer, whose length its head tells.
void ask(const FileDescriptor& socket, const std::string& path) {
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ASSERT_EQ(::send(socket.value(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  std::size_t whole = 0;
  while (whole == 0 || answer.size() < whole) {
    char buffer[4096];
    const ssize_t got = ::recv(socket.value(), buffer, sizeof(buffer), 0);
    ASSERT_GT(got, 0);
    answer.append(buffer, static_cast<std::size_t>(got));
    const auto head = answer.find("\r\n\r\n");
    const auto length = answer.find("Content-Length: ");
    if (head != std::string::npos && length != std::string::npos) {
      whole = head + 4 + static_cast<std::size_t>(std::stoul(answer.substr(length + 16, 8)));
    }
  }
}

/// A child that runs the program.
pid_t start(std::vector<std::string> command) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<char*> words;
    for (std::string& word : command) {
      words.push_back(word.data());
    }
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  return pid;
}

/// Runs the program to its end.
int run(std::vector<std::string> command) {
  int status = -1;
  ::waitpid(start(std::move(command)), &status, 0);
  return status;
}

/// A program that serves on a port of its own, until this goes.
class Server {
 public:
  Server(std::uint16_t port, std::vector<std::string> command)
      : port_(port), pid_(start(std::move(command))) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!connect_to(port_) && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(20ms);  // a poll between tries
    }
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  std::uint16_t port_;
  pid_t pid_;
};

/// The stage, and the newest row of a port of each table.
class Observer {
 public:
  Observer() : stage_(config(), context()) { EXPECT_TRUE(stage_.start(current_instant())); }

  /// Empties the ring, as the loop does ten times a second.
  void look() {
    Outbox out;
    stage_.on_readable(current_instant(), out);
  }

  using Row = std::map<std::string, std::uint64_t>;
  /// Ends windows until the rows of the port have so many responses; sums over its rows.
  Row wait_for(std::uint16_t port, std::uint64_t responses) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    Row row;
    while (row["responses"] < responses && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(100ms);  // a poll between tries
      row = window(port);
    }
    return row;
  }
  Row window(std::uint16_t port) {
    Outbox out;
    stage_.tick(current_instant(), out);
    Row row;
    apis_.clear();
    for (const Outgoing& message : out.items()) {
      const auto& records = *flatbuffers::GetRoot<wire::Records>(message.payload.data());
      const TableView table(records.columns(), records.rows());
      for (std::uint32_t i = 0; i < table.rows(); ++i) {
        if (table.find("server_port").integer(i) != port) {
          continue;
        }
        if (message.subject == Servers::apis_table) {
          apis_[std::string(table.find("api").text(i))] += table.find("responses").integer(i);
        } else if (message.subject == Servers::requests_table) {
          add_row(table, i, row);
        }
      }
    }
    return row;
  }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& apis() const { return apis_; }
  /// What the stage says of itself, for a failing test.
  [[nodiscard]] std::string words() const {
    std::string all;
    const SelfReport said = report();
    for (const SelfReport::Gauge& gauge : said.gauges) {
      all += gauge.name + " = " + std::to_string(gauge.value) + "\n";
    }
    return all;
  }
  [[nodiscard]] SelfReport report() const {
    SelfReport report;
    stage_.report(report);
    return report;
  }

 private:
  static L7Source::Config config() {
    L7Source::Config keeps;  // this process needs its privileges for what comes next
    keeps.drop_privileges = false;
    return keeps;
  }
  static const StageContext& context() {
    static const Model model;
    static const StageContext made{model, "m1", "test", "protocols", 1s, "", GALA_SHARE_DIR};
    return made;
  }
  static void add_row(const TableView& table, std::uint32_t i, Row& row) {
    for (const char* name : {"requests", "responses", "client_errors", "server_errors", "measured",
                             "unanswered", "response_bytes"}) {
      row[name] += table.find(name).integer(i);
    }
    row["latency_ns"] += static_cast<std::uint64_t>(table.find("latency").sum(i));
    row["tgid"] = table.find("tgid").integer(i);
  }

  L7Source stage_;
  std::map<std::string, std::uint64_t> apis_;
};

class L7SourceKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    const bool usable = ::geteuid() == 0 && fs::exists("/sys/kernel/btf/vmlinux");
    const char* required = std::getenv("REQUIRE_KERNEL");
    if (!usable && required != nullptr && std::string_view{required} == "1") {
      FAIL() << "root and kernel BTF are required";
    }
    if (!usable) {
      GTEST_SKIP() << "needs root and kernel BTF";
    }
  }

  std::uint16_t port_ = free_port();
};

TEST_F(L7SourceKernel, CountsEveryAnswerOfAServerByItsStatus) {
  Observer observer;
  const Server server(port_, {"python3", "-c", python_server, std::to_string(port_)});
  for (int i = 0; i < 20; ++i) {
    const FileDescriptor client = connect_to(port_);
    for (const char* path : {"/user/17?secret=1", "/user/18", "/fail", "/none"}) {
      ask(client, path);
    }
    observer.look();
  }
  auto row = observer.wait_for(port_, 80);
  EXPECT_EQ(row["requests"], 80u) << observer.words();
  EXPECT_EQ(row["responses"], 80u);
  EXPECT_EQ(row["measured"], 80u);
  EXPECT_EQ(row["server_errors"], 20u);
  EXPECT_EQ(row["client_errors"], 20u);
  EXPECT_EQ(row["unanswered"], 0u);
  EXPECT_GT(row["response_bytes"], 80u * 300);
  EXPECT_EQ(observer.apis(), (std::map<std::string, std::uint64_t>{
                                 {"GET /user/{id}", 40}, {"GET /fail", 20}, {"~other", 20}}));
  EXPECT_TRUE(observer.report().complaints.empty());
}

TEST_F(L7SourceKernel, UnderstandsAConnectionThatIsOlderThanItself) {
  const Server server(port_, {"python3", "-c", python_server, std::to_string(port_)});
  const FileDescriptor client = connect_to(port_);
  ask(client, "/before");
  Observer observer;
  for (int i = 0; i < 5; ++i) {
    ask(client, "/after");
  }
  EXPECT_EQ(observer.wait_for(port_, 5)["responses"], 5u) << observer.words();
}

/// Serves /small, a file of 300 kB as /big, and 503 as /fail, in a directory of its own.
class Nginx {
 public:
  Nginx(std::uint16_t port, const std::string& listen_option)
      : directory_(fs::path(::testing::TempDir()) / ("gala-l7-" + std::to_string(port))),
        server_(port, command(port, listen_option)) {}
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;
  ~Nginx() { fs::remove_all(directory_); }

  static bool is_there() { return fs::exists("/usr/sbin/nginx"); }

 private:
  [[nodiscard]] std::vector<std::string> command(std::uint16_t port,
                                                 const std::string& listen_option) const {
    fs::create_directories(directory_ / "logs");
    std::ofstream(directory_ / "big") << std::string(300'000, 'x');
    std::ofstream(directory_ / "nginx.conf")
        << "daemon off; pid " << directory_.string() << "/pid; error_log /dev/null;\n"
        << "events {}\nhttp { access_log off; sendfile on; server { listen 127.0.0.1:" << port
        << " " << listen_option << ";\nroot " << directory_.string()
        << "; location /fail { return 503; }\n"
        << "location /small { return 200 'hello'; } } }\n";
    fs::permissions(directory_, fs::perms::others_read | fs::perms::others_exec,
                    fs::perm_options::add);
    return {"nginx", "-p", directory_.string(), "-c", (directory_ / "nginx.conf").string()};
  }

  fs::path directory_;
  Server server_;
};

/// nginx writes heads by writev and files by sendfile, and its worker reads what its master
/// listens for.
TEST_F(L7SourceKernel, CountsWhatNginxServes) {
  if (!Nginx::is_there()) {
    GTEST_SKIP() << "needs nginx: apt-get install nginx-light";
  }
  Observer observer;
  const Nginx nginx(port_, "");
  for (int i = 0; i < 20; ++i) {
    const FileDescriptor client = connect_to(port_);
    for (const char* path : {"/small", "/big", "/big"}) {
      ask(client, path);
    }
    ask(connect_to(port_), "/fail");
    observer.look();
  }
  auto row = observer.wait_for(port_, 80);
  EXPECT_EQ(row["responses"], 80u) << observer.words();
  EXPECT_EQ(row["server_errors"], 20u);
  EXPECT_EQ(row["client_errors"], 0u);
  EXPECT_GT(row["response_bytes"], 40u * 300'000);
}

TEST_F(L7SourceKernel, CountsStreamsOfHttp2) {
  if (!Nginx::is_there() || !fs::exists("/usr/bin/curl")) {
    GTEST_SKIP() << "needs nginx and curl: apt-get install nginx-light curl";
  }
  Observer observer;
  const Nginx nginx(port_, "http2");
  const std::string url = "http://127.0.0.1:" + std::to_string(port_);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(run({"curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", url + "/small"}), 0);
    ASSERT_EQ(run({"curl", "-s", "--http2-prior-knowledge", "-o", "/dev/null", url + "/fail"}), 0);
    observer.look();
  }
  auto row = observer.wait_for(port_, 20);
  EXPECT_EQ(row["responses"], 20u) << observer.words();
  EXPECT_EQ(row["server_errors"], 10u);
  EXPECT_EQ(observer.apis(),
            (std::map<std::string, std::uint64_t>{{"GET /small", 10}, {"GET /fail", 10}}));
}

/// Goal: latency is the server's. Method: a server that sleeps for a known time.
TEST_F(L7SourceKernel, MeasuresWhatAClientWaits) {
  Observer observer;
  std::string slow = python_server;
  slow.replace(slow.find("        body ="), 0, "        import time; time.sleep(0.02)\n");
  const Server server(port_, {"python3", "-c", slow, std::to_string(port_)});
  const FileDescriptor client = connect_to(port_);
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    ask(client, "/");
  }
  const auto waited = static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - begun).count());
  auto row = observer.wait_for(port_, 20);
  ASSERT_EQ(row["responses"], 20u);
  EXPECT_GE(row["latency_ns"], 20u * 20'000'000u);
  EXPECT_LE(row["latency_ns"], waited);
}

/// A connection that speaks nothing known costs a few pieces, and then none.
TEST_F(L7SourceKernel, GivesUpWhatItDoesNotKnow) {
  Observer observer;
  const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM, 0));
  const sockaddr_in address = address_of(port_);
  ASSERT_EQ(::bind(listener.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  ASSERT_EQ(::listen(listener.value(), 8), 0);
  const FileDescriptor client = connect_to(port_);
  const FileDescriptor accepted(::accept(listener.value(), nullptr, nullptr));
  const auto echo = [&] {
    char buffer[64] = {5, 1, 2, 127, 'n', 'o'};
    ASSERT_EQ(::send(client.value(), buffer, sizeof(buffer), 0), 64);
    ASSERT_EQ(::recv(accepted.value(), buffer, sizeof(buffer), MSG_WAITALL), 64);
    ASSERT_EQ(::send(accepted.value(), buffer, sizeof(buffer), 0), 64);
    ASSERT_EQ(::recv(client.value(), buffer, sizeof(buffer), MSG_WAITALL), 64);
  };
  echo();
  observer.window(port_);
  echo();
  observer.window(port_);
  const auto pieces = [&] {
    const SelfReport report = observer.report();
    return std::ranges::find(report.gauges, "pieces", &SelfReport::Gauge::name)->value;
  };
  const double before = pieces();
  for (int i = 0; i < 1000; ++i) {
    echo();
  }
  observer.window(port_);
  EXPECT_LT(pieces() - before, 500) << "others on this machine may talk meanwhile";
}

}  // namespace
}  // namespace gala::l7_source
