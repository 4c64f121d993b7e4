// gala-entity-assembler.
#include "runtime/model/stage_main.h"
#include "stages/entity-assembler/entity_assembler.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::entity_assembler::EntityAssembler>(argc, argv);
}
