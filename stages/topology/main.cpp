// gala-topology.
#include "runtime/model/stage_main.h"
#include "stages/topology/topology.h"

int main(int argc, char** argv) { return gala::stage_main<gala::topology::Topology>(argc, argv); }
