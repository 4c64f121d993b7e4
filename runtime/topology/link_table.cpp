// Twin links: each end knows where the other end has the same relation.
#include "runtime/topology/link_table.h"

#include <algorithm>

namespace gala {

std::size_t RelationKeyHash::operator()(const RelationKey& key) const {
  std::uint64_t mixed = (std::uint64_t{key.from} << 32 | key.to) + key.kind * 0x9E3779B97F4A7C15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  return mixed ^ (mixed >> 31);
}

std::optional<LinkPlace> LinkTable::find(const RelationKey& key) const {
  const bool at_from = links_[key.from].size() <= links_[key.to].size();
  const std::vector<Link>& links = links_[at_from ? key.from : key.to];
  const std::uint32_t other = at_from ? key.to : key.from;
  const auto found = std::find_if(links.begin(), links.end(), [&](const Link& link) {
    return link.other == other && link.kind == key.kind && link.forward == at_from;
  });
  if (found == links.end()) {
    return std::nullopt;
  }
  return LinkPlace{key.from,
                   at_from ? static_cast<std::uint32_t>(found - links.begin()) : found->twin};
}

std::uint32_t LinkTable::push(std::uint32_t position, const Link& link) {
  std::vector<Link>& links = links_[position];
  if (links.size() == links.capacity()) {
    // Doubling would leave up to half of the memory unused.
    links.reserve(links.size() + std::max<std::size_t>(2, links.size() / 4));
  }
  links.push_back(link);
  return static_cast<std::uint32_t>(links.size() - 1);
}

void LinkTable::add(const RelationKey& key, bool turn) {
  const auto kind = static_cast<std::uint8_t>(key.kind);
  const std::uint32_t at_from = push(key.from, {key.to, 0, kind, true, false, turn});
  const std::uint32_t at_to = push(key.to, {key.from, at_from, kind, false, false, turn});
  links_[key.from][at_from].twin = at_to;
  ++size_;
}

void LinkTable::remove(std::uint32_t position, std::uint32_t place) {
  std::vector<Link>& links = links_[position];
  if (place + 1 < links.size()) {
    links[place] = links.back();
    links_[links[place].other][links[place].twin].twin = place;
  }
  links.pop_back();
}

void LinkTable::drop(LinkPlace place) {
  const Link link = at(place);
  if (link.other == place.from) {
    // The later one first: what moves into its gap is neither of the two.
    remove(place.from, std::max(place.place, link.twin));
    remove(place.from, std::min(place.place, link.twin));
  } else {
    remove(place.from, place.place);
    remove(link.other, link.twin);
  }
  --size_;
}

void LinkTable::mark(LinkPlace place, bool ended, bool turn) {
  Link& link = links_[place.from][place.place];
  Link& twin = links_[link.other][link.twin];
  link.ended = twin.ended = ended;
  link.turn = twin.turn = turn;
}

void LinkTable::clear() {
  for (std::vector<Link>& links : links_) {
    links.clear();
  }
  size_ = 0;
}

}  // namespace gala
