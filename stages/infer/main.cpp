// gala-infer.
#include "runtime/model/stage_main.h"
#include "stages/infer/evaluate/evaluate.h"
#include "stages/infer/infer.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::infer::Infer>(
      argc, argv,
      {{"evaluate", "Explain incidents in foreign metrics", gala::infer::evaluate_main}});
}
