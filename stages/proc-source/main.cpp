// The program gala-proc-source.
#include "stages/proc-source/proc_source.h"

int main(int argc, char** argv) { return gala::stage_main<gala::ProcSource>(argc, argv); }
