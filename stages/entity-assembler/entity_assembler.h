// Records → observations: rows that sources measured become entities with stable ids, driven by the
// model.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "runtime/core/stage.h"
#include "stages/entity-assembler/machine.h"

namespace gala::entity_assembler {

class EntityAssembler {
 public:
  static StageDescription describe();

  struct Config {
    bool client_ports = false;
    std::int64_t max_entities = 100'000;
    std::int64_t max_instances = 100'000;
    std::int64_t max_machines = 256;

    static constexpr auto fields() {
      return std::tuple{
          Field{"client_ports", &Config::client_ports,
                "Keep the client's port in the identity of connections; otherwise it is 0 and all "
                "connections between two hosts to one server port are one tcp_link."},
          Field{"max_entities", &Config::max_entities,
                "Entities remembered of one machine; beyond it those not seen longest are dropped.",
                100, 10'000'000},
          Field{"max_instances", &Config::max_instances,
                "Counted things remembered of one record table; rows of further ones are dropped.",
                100, 10'000'000},
          Field{"max_machines", &Config::max_machines,
                "Machines accepted; records of further ones are dropped.", 1, 100'000}};
    }
  };

  EntityAssembler(const Config& config, const StageContext& context);

  void on(const wire::Records& records, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  Config config_;
  std::string local_machine_id_;
  Plans plans_;
  TeachingsOfTables teaches_;
  std::map<std::string, Machine, std::less<>> machines_;
  std::uint64_t of_refused_machines_ = 0;
};

}  // namespace gala::entity_assembler
