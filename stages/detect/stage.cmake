# Linear algebra is linked by this stage alone; how events are held and worded is threshold's.
find_package(Eigen3 REQUIRED NO_MODULE)
target_link_libraries(stage_detect PUBLIC Eigen3::Eigen stage_threshold)
