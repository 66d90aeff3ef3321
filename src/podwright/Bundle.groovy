package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'e05d577f6a06cb74b22d2414586cf73390709a4828648f88e7ce844464385f1e'
  static final String JOBS_SUM = 'e5f69d1eb669df7c1e46b3b2dad294b9434769961654571d07b4ebc325af860e'

  private static final long serialVersionUID = 1L
}
