// Conversations of framed messages: place, order, and what waits.
#include "stages/l7-source/protocols/framing/framed.h"

#include <algorithm>
#include <utility>

namespace gala::l7_source {

namespace {

/// A take is read in parts of this size: with `enough_held` the stream never exceeds its limit.
constexpr std::size_t part_size = most_collected / 4;
/// A parser that wants to see more than this of one frame decides by what it has.
constexpr std::size_t enough_held = most_collected / 2;

}  // namespace

void FramedConversation::take(Direction direction, BootTime at, Bytes bytes,
                              std::vector<Exchange>& out) {
  while (!bytes.empty() && !finished_ && !lost() && follows(direction, out)) {
    Side& current = side(direction);
    if (current.stream.bytes().empty()) {
      current.begun = at;
    }
    const Bytes part = bytes.first(std::min(part_size, bytes.size()));
    bytes = bytes.subspan(part.size());
    current.stream.append(part);
    drive(direction, at, false, out);
  }
}

void FramedConversation::gap(Direction direction, BootTime at, std::uint64_t missing,
                             std::vector<Exchange>& out) {
  if (finished_ || lost() || missing == 0) {
    return;
  }
  // Both directions went on unseen, replies first: whole exchanges were left out.
  const bool left_out = adrift_ && reply_since_ && direction == Direction::request;
  if (!follows(direction, out)) {
    return;
  }
  drive(direction, at, true, out);
  Stream& stream = side(direction).stream;
  stream.gap(missing);
  if (stream.broken()) {
    lose_place(direction, missing, out);
    reply_since_ = reply_since_ || left_out;
  }
}

void FramedConversation::close(BootTime /*at*/, std::vector<Exchange>& out) {
  flush(out);
  waiting_.clear();
}

/// Whether bytes of this direction can be read as messages.
bool FramedConversation::follows(Direction direction, std::vector<Exchange>& out) {
  if (!adrift_) {
    return true;
  }
  if (direction == Direction::reply) {
    reply_since_ = true;
    return !waiting_.empty();
  }
  if (!reply_since_) {
    return false;
  }
  abandon(out);
  for (const Direction each : {Direction::request, Direction::reply}) {
    side(each).stream.resume();
    forget(each, 0);
  }
  adrift_ = false;
  return true;
}

void FramedConversation::drive(Direction direction, BootTime at, bool last,
                               std::vector<Exchange>& out) {
  Side& current = side(direction);
  while (!current.stream.bytes().empty() && !finished_) {
    const Bytes bytes = current.stream.bytes();
    const bool enough = bytes.size() >= enough_held;
    const Step step = read({direction, current.begun, at, bytes, last || enough}, out);
    if (step.kind == Step::Kind::more && !enough) {
      return;
    }
    if (step.kind != Step::Kind::frame || step.size == 0) {
      violate();
      lose_place(direction, 0, out);
      return;
    }
    current.stream.skip(step.size);
    current.begun = at;
  }
}

void FramedConversation::lose_place(Direction direction, std::uint64_t missing,
                                    std::vector<Exchange>& out) {
  side(direction).stream.resume();
  forget(direction, missing);
  if (matching_ == Matching::by_id) {
    return;
  }
  adrift_ = true;
  reply_since_ = direction == Direction::reply;
  if (direction == Direction::reply) {
    if (Waiting* answered = oldest(); answered != nullptr && answered->answered) {
      answered->exchange.reply_bytes += missing;
    }
    abandon(out);
  }
}

/// What is answered is told; whose answer the others get, nobody can say any more.
void FramedConversation::abandon(std::vector<Exchange>& out) {
  flush(out);
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    overflow();
  }
  waiting_.clear();
}

void FramedConversation::flush(std::vector<Exchange>& out) {
  for (std::size_t i = 0; i < waiting_.size();) {
    if (waiting_[i].answered) {
      finish(waiting_[i], out);
    } else {
      ++i;
    }
  }
}

FramedConversation::Waiting* FramedConversation::ask(Waiting waiting) {
  if (waiting_.size() >= most_pending) {
    overflow();
    if (matching_ == Matching::by_order) {
      adrift_ = true;
      reply_since_ = false;
      return nullptr;
    }
    // The oldest has waited longest: its answer is lost rather than to come.
    waiting_.erase(waiting_.begin());
  }
  waiting_.push_back(std::move(waiting));
  return &waiting_.back();
}

FramedConversation::Waiting* FramedConversation::oldest() {
  return waiting_.empty() ? nullptr : &waiting_.front();
}

FramedConversation::Waiting* FramedConversation::newest() {
  return waiting_.empty() ? nullptr : &waiting_.back();
}

FramedConversation::Waiting* FramedConversation::find(std::uint64_t id) {
  const auto found = std::ranges::find(waiting_, id, &Waiting::id);
  return found == waiting_.end() ? nullptr : &*found;
}

void FramedConversation::answer(Waiting& waiting, BootTime at) {
  if (!waiting.answered) {
    waiting.answered = true;
    // What looks older is of a stream that has lost its place.
    waiting.exchange.ended = std::max(at, waiting.exchange.begun);
  }
}

void FramedConversation::finish(Waiting& waiting, std::vector<Exchange>& out) {
  out.push_back(std::move(waiting.exchange));
  drop(waiting);
}

void FramedConversation::drop(Waiting& waiting) {
  waiting_.erase(waiting_.begin() + (&waiting - waiting_.data()));
}

Exchange one_way(std::string_view api, const Frame& frame, std::uint64_t size) {
  Exchange exchange;
  exchange.begun = frame.begun;
  exchange.ended = frame.begun;
  exchange.api = bounded_api(api);
  exchange.one_way = true;
  (frame.direction == Direction::request ? exchange.request_bytes : exchange.reply_bytes) = size;
  return exchange;
}

std::string bounded_api(std::string_view api) { return std::string(api.substr(0, longest_api)); }

}  // namespace gala::l7_source
