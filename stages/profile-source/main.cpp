// The program gala-profile-source.
#include "runtime/model/stage_main.h"
#include "stages/profile-source/profile_source.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::profile_source::ProfileSource>(argc, argv);
}
