// The program gala-proc-source.
#include "runtime/model/stage_main.h"
#include "stages/proc-source/proc_source.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::proc_source::ProcSource>(argc, argv);
}
