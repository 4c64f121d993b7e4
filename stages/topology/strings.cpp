// Interned, reference-counted attribute values.
#include "stages/topology/strings.h"

namespace gala::topology {

StringId StringPool::acquire(std::string_view text) {
  if (text.empty()) {
    return no_string;
  }
  if (const auto found = ids_.find(text); found != ids_.end()) {
    ++entries_[found->second].holds;
    return found->second;
  }
  StringId id = 0;
  if (free_.empty()) {
    id = static_cast<StringId>(entries_.size());
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  entries_[id].text = text;
  entries_[id].holds = 1;
  ids_.emplace(entries_[id].text, id);
  return id;
}

void StringPool::retain(StringId id) {
  if (id != no_string) {
    ++entries_[id].holds;
  }
}

void StringPool::release(StringId id) {
  if (id == no_string || --entries_[id].holds > 0) {
    return;
  }
  ids_.erase(entries_[id].text);
  entries_[id].text.clear();
  free_.push_back(id);
}

}  // namespace gala::topology
