# The shipped model is tested where it lies.
set_source_files_properties(${folder}/shipped_model_test.cpp PROPERTIES
  COMPILE_DEFINITIONS GALA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
