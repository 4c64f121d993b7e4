// The program gala-l7-source.
#include "runtime/model/stage_main.h"
#include "stages/l7-source/l7_source.h"

int main(int argc, char** argv) { return gala::stage_main<gala::l7_source::L7Source>(argc, argv); }
