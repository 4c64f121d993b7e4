// Learned models as bytes.
#include "stages/detect/model_memory.h"

namespace gala::detect {
namespace {

constexpr std::uint16_t memory_version = 1;
constexpr std::size_t deepest_memory = 8;
/// Every table that is written is larger, with its lists.
constexpr std::size_t fewest_bytes_per_table = 16;
constexpr std::size_t smallest_memory = 2 * sizeof(std::uint32_t);  // root and identifier

}  // namespace

std::vector<std::uint8_t> finish_memory(
    MemoryBuilder& builder, const std::vector<flatbuffers::Offset<memory::KeptCheck>>& checks) {
  memory::FinishModelsBuffer(builder, memory::CreateModelsDirect(builder, memory_version, &checks));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

std::vector<std::uint8_t> finish_memory(MemoryBuilder& builder,
                                        flatbuffers::Offset<memory::KeptModel> model) {
  const auto entity = memory::CreateKeptEntity(builder, 0, model);
  const auto entities = builder.CreateVector(&entity, 1);
  return finish_memory(builder, {memory::CreateKeptCheck(builder, 0, 0, entities)});
}

const memory::KeptModel* only_model(const memory::Models& kept) {
  if (kept.checks() == nullptr || kept.checks()->size() != 1) {
    return nullptr;
  }
  const auto* entities = kept.checks()->Get(0)->entities();
  return entities != nullptr && entities->size() == 1 ? entities->Get(0)->model() : nullptr;
}

Result<const memory::Models*> open_memory(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > most_memory_bytes) {
    return fail("has more than " + std::to_string(most_memory_bytes) +
                " bytes; all models are learned anew");
  }
  if (bytes.size() < smallest_memory || !memory::ModelsBufferHasIdentifier(bytes.data())) {
    return fail("is of an older version or no memory of detect; all models are learned anew");
  }
  flatbuffers::Verifier verifier(
      bytes.data(), bytes.size(), deepest_memory,
      static_cast<flatbuffers::uoffset_t>(bytes.size() / fewest_bytes_per_table));
  if (!memory::VerifyModelsBuffer(verifier)) {
    return fail("is damaged; all models are learned anew");
  }
  const memory::Models* kept = memory::GetModels(bytes.data());
  if (kept->version() != memory_version) {
    return fail("is of version " + std::to_string(kept->version()) + ", not " +
                std::to_string(memory_version) + "; all models are learned anew");
  }
  return kept;
}

}  // namespace gala::detect
