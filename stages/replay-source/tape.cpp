// Merging recordings by time.
#include "stages/replay-source/tape.h"

namespace gala::replay_source {

Result<Tape> Tape::open(const std::vector<std::string>& paths) {
  Tape tape;
  for (const std::string& path : paths) {
    tape.tracks_.push_back({TRY(RecordingReader::open(path)), std::nullopt, 0});
  }
  for (Track& track : tape.tracks_) {
    track.advance();
  }
  tape.choose();
  return tape;
}

void Tape::Track::advance() {
  frame.reset();
  while (const auto message = reader.next()) {
    if (auto opened = open_frame(message->topic, message->header, message->payload)) {
      frame = *opened;
      return;
    }
    ++refused;
  }
}

void Tape::choose() {
  for (std::size_t i = 0; i < tracks_.size(); ++i) {
    const Frame* frame = tracks_[i].current();
    const Frame* best = tracks_[chosen_].current();
    if (frame != nullptr &&
        (best == nullptr || frame->envelope.sent.boot < best->envelope.sent.boot)) {
      chosen_ = i;
    }
  }
}

const Frame* Tape::current() const {
  return tracks_.empty() ? nullptr : tracks_[chosen_].current();
}

void Tape::advance() {
  if (!tracks_.empty()) {
    tracks_[chosen_].advance();
    choose();
  }
}

void Tape::rewind() {
  for (Track& track : tracks_) {
    track.reader.rewind();
    track.advance();
  }
  choose();
}

Tape::Counts Tape::counts() const {
  Counts counts;
  for (const Track& track : tracks_) {
    counts.refused += track.refused;
    counts.damaged_places += track.reader.counts().damaged_places;
  }
  return counts;
}

}  // namespace gala::replay_source
