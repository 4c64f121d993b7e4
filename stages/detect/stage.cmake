# Linear algebra is linked by this stage alone.
find_package(Eigen3 REQUIRED NO_MODULE)
target_link_libraries(stage_detect PUBLIC Eigen3::Eigen)
target_link_libraries(stage_detect_train PRIVATE cpp-httplib)
target_link_libraries(stage_detect_evaluate PRIVATE evaluation)
