// gala-topology.
#include "stages/topology/topology.h"

int main(int argc, char** argv) { return gala::stage_main<gala::Topology>(argc, argv); }
