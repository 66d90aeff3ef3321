withBuilderPod(pod: [yaml: '''
  spec:
    containers:
      - {name: @name@, image: '@image@'@env@}
''']) {
  checkout scm
@body@
}
