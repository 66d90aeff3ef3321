package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '84a03364416085467f9aeba4e7a1f0f4923f7c90987886195cfa94c23922dfca'
  static final String JOBS_SUM = '5dc638c0dc302b0e67dfe8f85720a406fb30428a5a00d08600df36a5f51124b4'

  private static final long serialVersionUID = 1L
}
