// A stage on recordings, in virtual time.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

#include "runtime/core/loop.h"
#include "runtime/core/recording.h"

namespace gala::detail {
namespace {

/// One recording with its next message opened.
class Input {
 public:
  static Result<Input> open(const std::string& path) {
    return Input(TRY(RecordingReader::open(path)));
  }

  void advance() {
    frame_.reset();
    while (const auto message = reader_.next()) {
      auto frame = open_frame(message->topic, message->header, message->payload);
      if (frame) {
        frame_ = *frame;
        return;
      }
      ++refused_;
    }
  }

  [[nodiscard]] const std::optional<Frame>& frame() const { return frame_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] const RecordingCounts& counts() const { return reader_.counts(); }

 private:
  explicit Input(RecordingReader reader) : reader_(std::move(reader)) {}

  RecordingReader reader_;
  std::optional<Frame> frame_;
  std::uint64_t refused_ = 0;
};

/// Drives the stage; the clock is the newest message's.
class Offline {
 public:
  Offline(AnyStage& stage, const LoopOptions& options, RecordingWriter writer)
      : stage_(stage), options_(options), writer_(std::move(writer)) {}

  void feed(const Frame& frame) {
    advance_to(frame.envelope.sent);
    const auto& accepted = options_.description.inputs;
    if (std::find(accepted.begin(), accepted.end(), frame.envelope.type) != accepted.end()) {
      stage_.handle(frame, out_);
      write(now_);
    }
  }

  void finish() {
    stage_.tick(now_, out_);
    write(now_);
    stage_.drain(now_, out_);
    write(now_);
    writer_.flush();
  }

  [[nodiscard]] const RecordingWriter& writer() const { return writer_; }

 private:
  /// Ticks at each multiple of the period that lies between the messages, as the live loop does; a
  /// gap of many periods is crossed in one step.
  void advance_to(Instant to) {
    const Duration period = options_.context.period;
    if (now_.boot == BootTime{}) {
      next_tick_ = BootTime{(to.boot.since_boot / period + 1) * period + options_.tick_offset};
    }
    if (to.boot - next_tick_ > 1000 * period) {
      next_tick_ = BootTime{to.boot.since_boot / period * period + options_.tick_offset};
    }
    while (next_tick_ <= to.boot) {
      const Instant tick{
          next_tick_, WallTime{next_tick_.since_boot + (to.wall.since_epoch - to.boot.since_boot)}};
      stage_.tick(tick, out_);
      write(tick);
      next_tick_ = next_tick_ + period;
    }
    if (to.boot > now_.boot) {
      now_ = to;
    }
  }

  void write(Instant at) {
    for (const Outgoing& message : out_.items()) {
      Envelope envelope;
      envelope.type = message.type;
      envelope.stage = options_.context.stage;
      envelope.port = message.port;
      envelope.epoch_ns = 1;
      envelope.sequence = ++sequence_;
      envelope.sent = at;
      const wire::Header header = make_header(envelope, message.payload.size());
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(&header);
      writer_.append(
          {make_topic(message.type, message.subject), {bytes, sizeof(header)}, message.payload});
    }
    out_.clear();
  }

  AnyStage& stage_;
  const LoopOptions& options_;
  RecordingWriter writer_;
  Outbox out_;
  Instant now_;
  BootTime next_tick_;
  std::uint64_t sequence_ = 0;
};

/// The input whose next message is oldest; the first of equals.
Input* oldest(std::vector<Input>& inputs) {
  Input* first = nullptr;
  for (Input& input : inputs) {
    if (input.frame() && (first == nullptr ||
                          input.frame()->envelope.sent.boot < first->frame()->envelope.sent.boot)) {
      first = &input;
    }
  }
  return first;
}

Result<> replay(AnyStage& stage, const LoopOptions& options, const std::vector<std::string>& paths,
                const std::string& output) {
  std::vector<Input> inputs;
  for (const std::string& path : paths) {
    inputs.push_back(TRY(Input::open(path)));
    inputs.back().advance();
  }
  if (!options.description.inputs.empty()) {
    // A sink opens its files; a source would ask for privileges, and has nothing to replay.
    TRY(stage.start({inputs.empty() || !inputs.front().frame()
                         ? Instant{}
                         : inputs.front().frame()->envelope.sent}));
  }
  Offline offline(stage, options, TRY(RecordingWriter::create(output)));
  while (Input* input = oldest(inputs)) {
    offline.feed(*input->frame());
    input->advance();
  }
  offline.finish();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const RecordingCounts& counts = inputs[i].counts();
    spdlog::info("replayed file={} messages={} refused={} damaged_places={} torn_bytes={}",
                 paths[i], counts.messages, inputs[i].refused(), counts.damaged_places,
                 counts.torn_bytes);
  }
  if (offline.writer().lost() > 0) {
    return fail(output + ": " + std::to_string(offline.writer().lost()) +
                " messages could not be written: " + offline.writer().complaint());
  }
  return {};
}

}  // namespace

int replay_offline(AnyStage& stage, const LoopOptions& options,
                   const std::vector<std::string>& inputs, const std::string& output) {
  const auto done = replay(stage, options, inputs, output);
  if (!done) {
    spdlog::error("{}", done.error().what);
    return 1;
  }
  return 0;
}

}  // namespace gala::detail
