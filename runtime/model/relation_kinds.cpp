// schemas/model/relations.toml: the kinds of relations, and the roles that some of them have.
#include <algorithm>

#include "runtime/model/parse.h"
#include "runtime/model/words.h"

namespace gala {
namespace {

RelationKind parse_kind(const Member& member, Diagnostics& diagnostics) {
  SectionReader reader(member.value, "kind " + quote(member.key), diagnostics);
  RelationKind kind{member.key, RelationRole::none, {}, member.key_place};
  reader.read_word("role", relation_role_words(), kind.role);
  kind.about = read_text(reader, "about", true);
  reader.finish();
  return kind;
}

}  // namespace

std::vector<RelationKind> parse_relation_kinds(const SourceText& source, Diagnostics& diagnostics) {
  std::vector<RelationKind> kinds;
  const std::optional<Value> document = parse_toml(source, diagnostics);
  if (!document) {
    return kinds;
  }
  SectionReader reader(*document, "the file of relation kinds", diagnostics);
  const Value* section = reader.find("kind");
  reader.finish();
  if (section == nullptr || section->table() == nullptr) {
    diagnostics.error(document->place(),
                      "no kinds of relations; write [kind.<word>] with about and zh");
    return kinds;
  }
  for (const Member& member : *section->table()) {
    RelationKind kind = parse_kind(member, diagnostics);
    const auto other = std::ranges::find(kinds, kind.role, &RelationKind::role);
    if (kind.role != RelationRole::none && other != kinds.end()) {
      diagnostics.error(kind.place, quote(kind.name) + " and " + quote(other->name) +
                                        " have the same role; at most one kind has it");
    }
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

}  // namespace gala
