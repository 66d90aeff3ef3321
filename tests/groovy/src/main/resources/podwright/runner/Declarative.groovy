def call(Closure body) {
  error('declarative pipelines: not yet')
}
