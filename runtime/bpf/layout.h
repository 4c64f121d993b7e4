// How the bytes of a BPF struct become columns: read once from the object's own BTF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/result.h"

struct btf;

namespace gala::bpf {

/// Slots of `struct histogram`, see bpf/include/histogram.h.
inline constexpr std::size_t histogram_slots = 98;

/// Upper bounds in ns: 1024, then four per octave up to 2^34, then infinity.
const std::vector<double>& histogram_bounds();

enum class FieldKind { integer, text, address, histogram, window_max };

/// One member of a struct that becomes a column.
struct Field {
  std::string name;
  FieldKind kind = FieldKind::integer;
  std::size_t offset = 0;
  std::size_t size = 0;
  bool is_signed = false;

  [[nodiscard]] wire::ColumnKind column_kind() const;
};

/// All columns of a struct, in order of declaration.
struct Layout {
  std::vector<Field> fields;
  /// Bytes of the struct.
  std::size_t size = 0;
};

/// Layout of the struct type `id`. Members named pad… are left out; a member of a type that has no
/// column form is an error. Nested plain structs are flattened, their members' names kept.
Result<Layout> layout_of(const btf& types, std::uint32_t id);
/// The same by name.
Result<Layout> layout_of(const btf& types, std::string_view struct_name);

/// Where a global variable lies in its section.
struct Variable {
  std::string section;
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// The global `name` of the object, or an error. Requires: the object was opened by libbpf, which
/// fills in the offsets.
Result<Variable> find_variable(const btf& types, std::string_view name);

}  // namespace gala::bpf
