// gala-entity-assembler.
#include "stages/entity-assembler/entity_assembler.h"

int main(int argc, char** argv) { return gala::stage_main<gala::EntityAssembler>(argc, argv); }
