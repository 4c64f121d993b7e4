// Collecting stacks.
#include "stages/profile-source/profile.h"

#include <algorithm>
#include <set>

namespace gala::profile_source {

void Profile::add(const std::vector<std::string>& functions, std::uint64_t samples) {
  std::vector<std::uint32_t> stack;
  stack.reserve(functions.size());
  for (const std::string& function : functions) {
    const auto [found, added] =
        numbers_.try_emplace(function, static_cast<std::uint32_t>(functions_.size()));
    if (added) {
      functions_.push_back(function);
    }
    stack.push_back(found->second);
  }
  stacks_[std::move(stack)] += samples;
  samples_ += samples;
}

std::vector<FunctionShare> Profile::shares() const {
  std::vector<FunctionShare> shares(functions_.size());
  for (std::size_t i = 0; i < functions_.size(); ++i) {
    shares[i].function = functions_[i];
  }
  for (const auto& [stack, samples] : stacks_) {
    if (stack.empty()) {
      continue;
    }
    shares[stack.back()].self += samples;
    for (const std::uint32_t function : std::set(stack.begin(), stack.end())) {
      shares[function].total += samples;
    }
  }
  // "[unknown]", "[no stack]": places without a name are no functions.
  std::erase_if(shares, [](const FunctionShare& share) { return share.function.starts_with('['); });
  std::ranges::sort(shares, [](const FunctionShare& left, const FunctionShare& right) {
    return left.self != right.self ? left.self > right.self : left.function < right.function;
  });
  return shares;
}

std::vector<std::uint8_t> Profile::message(const Header& header,
                                           const std::vector<UsedModule>& modules) const {
  wire::StackProfileT profile;
  profile.machine_id = header.machine_id;
  profile.kind = header.kind;
  profile.tgid = header.tgid;
  profile.comm = comm_;
  profile.window_start_ns = header.window_start_ns;
  profile.window_end_ns = header.window_end_ns;
  profile.wall_offset_ns = header.wall_offset_ns;
  profile.weight = header.weight;
  profile.unit = header.unit;
  profile.lost = header.lost;
  profile.functions = functions_;
  for (const auto& [functions, samples] : stacks_) {
    auto stack = std::make_unique<wire::StackT>();
    stack->functions = functions;
    stack->samples = samples;
    profile.stacks.push_back(std::move(stack));
  }
  for (const UsedModule& used : modules) {
    auto module = std::make_unique<wire::ModuleT>();
    module->path = used.path;
    module->build_id = used.build_id;
    profile.modules.push_back(std::move(module));
  }
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishStackProfileBuffer(builder, wire::StackProfile::Pack(builder, &profile));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace gala::profile_source
