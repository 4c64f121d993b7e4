// gala-detect: see detect.h.
#include "runtime/model/stage_main.h"
#include "stages/detect/detect.h"
#include "stages/detect/evaluate/evaluate.h"
#include "stages/detect/train/train.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::detect::Detect>(
      argc, argv,
      {{"train", "Warm the models from healthy history", gala::detect::train_main},
       {"evaluate", "Judge recorded series of foreign metrics", gala::detect::evaluate_main}});
}
